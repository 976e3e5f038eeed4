import React, { useId, useRef, useState } from 'react';
import { css } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Alert, Button, Field, Input, Modal, TextArea, Tooltip, useStyles2 } from '@grafana/ui';
import type { Api } from '../shared/api';
import { message } from '../shared/api';
import type { Issue, Me, TriageRequest } from '../shared/types';
import { useLoad } from '../shared/load';

export interface TriageProps {
  api: Api;
  me?: Me;
  issues: Issue[]; // What the buttons act on.
  one?: boolean; // A page of one issue: there is nothing to merge it with.
  onDone: () => void;
}

// BULK is how many issues one request may name; the backend refuses more.
const BULK = 100;

type Dialog = 'assign' | 'comment' | 'release' | 'ignore' | 'merge' | undefined;

// Triage is the row of buttons over a selection. It writes through the data
// source only; the backend checks the role again.
export function Triage({ api, me, issues, one, onDone }: TriageProps) {
  const s = useStyles2(styles);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [dialog, setDialog] = useState<Dialog>();
  const opener = useRef<HTMLElement | null>(null);
  const [value, setValue] = useState('');
  const [users, setUsers] = useState('');
  const [when, setWhen] = useState('');
  const limits = {
    ...(Number(value) > 0 ? { untilEvents: Number(value) } : {}),
    ...(Number(users) > 0 ? { untilUsers: Number(users) } : {}),
    ...(when && !isNaN(Date.parse(when)) ? { until: Date.parse(when) } : {}),
  };
  const list = useId();
  const allowed = Boolean(me?.canTriage);
  const why = !me ? 'Asking what you may do' : me.reason || 'Your role may look, not change.';
  const none = issues.length === 0;

  // Whoever works with keys goes on where the dialog was opened.
  const close = () => {
    setDialog(undefined);
    setTimeout(() => opener.current?.focus());
  };

  const act = async (request: Omit<TriageRequest, 'project' | 'issues'>) => {
    setBusy(true);
    setError(undefined);
    let written = 0;
    const all = issues.filter((i) => i.issue !== request.into);
    try {
      for (const project of new Set(all.map((i) => i.project))) {
        const ids = all.filter((i) => i.project === project).map((i) => i.issue);
        for (let from = 0; from < ids.length; from += BULK) {
          const some = ids.slice(from, from + BULK);
          await api.triage({ ...request, project, issues: some });
          written += some.length;
        }
      }
      close();
      setValue('');
      onDone();
    } catch (err) {
      // What was written stays: the list shows it, and the rest can be tried again.
      setError(written ? `${written} of ${all.length} are written, the rest is not: ${message(err)}` : message(err));
      if (written) {
        onDone();
      }
    } finally {
      setBusy(false);
    }
  };

  const button = (label: string, icon: React.ComponentProps<typeof Button>['icon'], onClick: React.MouseEventHandler<HTMLButtonElement>, enough = !none) => {
    const b = (
      <Button size="sm" variant="secondary" icon={icon} disabled={!allowed || busy || !enough} onClick={onClick}>
        {label}
      </Button>
    );
    return allowed ? (
      b
    ) : (
      <Tooltip content={why} key={label}>
        <span>{b}</span>
      </Tooltip>
    );
  };
  const ask = (d: Dialog) => (e: React.MouseEvent<HTMLButtonElement>) => {
    opener.current = e.currentTarget;
    setValue('');
    setUsers('');
    setWhen('');
    setError(undefined);
    setDialog(d);
  };
  const resolved = issues.length > 0 && issues.every((i) => i.status === 'resolved' || i.status === 'ignored');
  const until = (hours: number) => Date.now() + hours * 3600 * 1000;
  const survivor = issues.length ? [...issues].sort((a, b) => a.firstSeen - b.firstSeen)[0] : undefined;

  return (
    <div>
      <div className={s.row} role="toolbar" aria-label="Triage">
        {issues.length > 1 && <span className={s.chosen}>{issues.length} chosen</span>}
        {resolved
          ? button('Reopen', 'history', () => act({ action: 'unresolve' }))
          : button('Resolve', 'check', () => act({ action: 'resolve' }))}
        {button('Resolve in release', 'tag-alt', ask('release'))}
        {button('Ignore', 'bell-slash', ask('ignore'))}
        {button('Assign', 'user', ask('assign'))}
        {button('Comment', 'comment-alt', ask('comment'))}
        {!one && button('Merge', 'code-branch', ask('merge'), issues.length > 1)}
        {me && !allowed && <span className={s.chosen}>{why}</span>}
      </div>
      {error && !dialog && <Alert severity="error" title={error} />}
      {dialog && (
        <Modal title={titles[dialog]} isOpen onDismiss={close}>
          {error && <Alert severity="error" title={error} />}
          {dialog === 'assign' && (
            <Field label="Assign to" description="A login, an address or a team. Empty takes the assignment away.">
              <Input value={value} onChange={(e) => setValue(e.currentTarget.value)} autoFocus aria-label="Assign to" />
            </Field>
          )}
          {dialog === 'comment' && (
            <Field label="Comment">
              <TextArea value={value} onChange={(e) => setValue(e.currentTarget.value)} rows={4} autoFocus aria-label="Comment" />
            </Field>
          )}
          {dialog === 'release' && (
            <Field label="Fixed in release" description="Events of this release or a later one reopen the issue; of an older one never.">
              <>
                <Input value={value} onChange={(e) => setValue(e.currentTarget.value)} autoFocus aria-label="Fixed in release" list={list} />
                <Releases id={list} api={api} project={issues[0]?.project} />
              </>
            </Field>
          )}
          {dialog === 'ignore' && (
            <>
              <Field label="Until so many more events" description="Empty fields count for nothing: without any it is ignored for ever.">
                <Input type="number" min={1} value={value} onChange={(e) => setValue(e.currentTarget.value)} aria-label="Until so many more events" />
              </Field>
              <Field label="Until so many more users">
                <Input type="number" min={1} value={users} onChange={(e) => setUsers(e.currentTarget.value)} aria-label="Until so many more users" />
              </Field>
              <Field label="Until" description="Your own time zone.">
                <Input type="datetime-local" value={when} onChange={(e) => setWhen(e.currentTarget.value)} aria-label="Until" />
              </Field>
            </>
          )}
          {dialog === 'merge' && survivor && (
            <p>
              {issues.length - 1} issues join <b>{survivor.title}</b>, the oldest. Their events stay as they are; splitting undoes it.
            </p>
          )}
          <Modal.ButtonRow>
            <Button variant="secondary" fill="outline" onClick={close}>
              Cancel
            </Button>
            {dialog === 'assign' && (
              <Button disabled={busy} onClick={() => act(value ? { action: 'assign', assignee: value } : { action: 'unassign' })}>
                Assign
              </Button>
            )}
            {dialog === 'comment' && (
              <Button disabled={busy || !value.trim()} onClick={() => act({ action: 'comment', comment: value })}>
                Comment
              </Button>
            )}
            {dialog === 'release' && (
              <>
                <Button variant="secondary" disabled={busy} onClick={() => act({ action: 'resolve', inNextRelease: true })}>
                  In the next release
                </Button>
                <Button disabled={busy || !value.trim()} onClick={() => act({ action: 'resolve', inRelease: value.trim() })}>
                  In this release
                </Button>
              </>
            )}
            {dialog === 'ignore' && (
              <>
                <Button variant="secondary" disabled={busy} onClick={() => act({ action: 'ignore', until: until(24) })}>
                  For a day
                </Button>
                <Button variant="secondary" disabled={busy} onClick={() => act({ action: 'ignore', until: until(24 * 7) })}>
                  For a week
                </Button>
                <Button disabled={busy} onClick={() => act({ action: 'ignore', ...limits })}>
                  {Object.keys(limits).length ? 'Until then' : 'For ever'}
                </Button>
              </>
            )}
            {dialog === 'merge' && survivor && (
              <Button disabled={busy} onClick={() => act({ action: 'merge', into: survivor.issue })}>
                Merge
              </Button>
            )}
          </Modal.ButtonRow>
        </Modal>
      )}
    </div>
  );
}

// Releases are those that the project has seen; another one may be typed.
function Releases({ id, api, project }: { id: string; api: Api; project?: number }) {
  const releases = useLoad(() => api.options('release', { project }), [api, project]);
  return (
    <datalist id={id}>
      {(releases.value?.values ?? []).map((r) => (
        <option key={r.value} value={r.value} />
      ))}
    </datalist>
  );
}

const titles: Record<NonNullable<Dialog>, string> = {
  assign: 'Assign',
  comment: 'Comment',
  release: 'Resolve in a release',
  ignore: 'Ignore',
  merge: 'Merge',
};

const styles = (theme: GrafanaTheme2) => ({
  chosen: css({ alignSelf: 'center', color: theme.colors.text.secondary }),
  row: css({ display: 'flex', flexWrap: 'wrap', gap: theme.spacing(1), marginBottom: theme.spacing(1) }),
});
