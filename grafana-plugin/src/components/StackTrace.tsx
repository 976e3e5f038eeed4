import React, { useMemo, useState } from 'react';
import { css, cx } from '@emotion/css';
import type { GrafanaTheme2 } from '@grafana/data';
import { Badge, Button, Icon, useStyles2 } from '@grafana/ui';
import type { ExceptionValue, Frame, Payload, Thread } from '../shared/types';
import { text } from '../shared/format';

interface Chain {
  main: ExceptionValue;
  rest: ExceptionValue[];
}

// chain puts the main exception first, then its causes from the outside in.
export function chain(payload: Payload): Chain | undefined {
  const values = payload.exception?.values?.filter(Boolean) ?? [];
  if (!values.length) {
    const frames = payload.stacktrace?.frames ?? threadOf(payload)?.stacktrace?.frames;
    return frames?.length ? { main: { stacktrace: { frames } }, rest: [] } : undefined;
  }
  const newestFirst = [...values].reverse();
  const [main] = newestFirst;
  const thread = main.stacktrace?.frames?.length ? undefined : threadOf(payload, main.thread_id);
  return { main: thread ? { ...main, stacktrace: thread.stacktrace } : main, rest: newestFirst.slice(1) };
}

// threadOf is the thread that an event is about: native SDKs send the stack with
// it, not with the exception.
function threadOf(payload: Payload, id?: number | string): Thread | undefined {
  const all = (payload.threads?.values ?? []).filter((t) => t?.stacktrace?.frames?.length);
  return all.find((t) => id !== undefined && t.id === id) ?? all.find((t) => t.crashed) ?? all.find((t) => t.current) ?? (all.length === 1 ? all[0] : undefined);
}

const base = (path?: string) => path?.split(/[\\/]/).pop();
const where = (f: Frame) => f.filename || f.abs_path || f.module || base(f.package) || '<unknown>';
const what = (f: Frame) => f.function || f.instruction_addr || '<anonymous>';

// relation says what an exception is to the one that it belongs to: a part of a
// group, or a cause. Without ids it is the cause of the one above.
export function relation(e: ExceptionValue, all: ExceptionValue[]): string {
  const parent = all.find((o) => o !== e && o.mechanism?.exception_id !== undefined && o.mechanism.exception_id === e.mechanism?.parent_id);
  if (!parent) {
    return 'Caused by';
  }
  const name = parent.type || 'the exception above';
  if (!parent.mechanism?.is_exception_group) {
    return `Cause of ${name}`;
  }
  const parts = all.filter((o) => o.mechanism?.parent_id === parent.mechanism?.exception_id).sort((a, b) => (a.mechanism?.exception_id ?? 0) - (b.mechanism?.exception_id ?? 0));
  return `${parts.indexOf(e) + 1} of ${parts.length} in ${name}`;
}

function FrameRow({ frame, open, onToggle }: { frame: Frame; open: boolean; onToggle: () => void }) {
  const s = useStyles2(styles);
  const hasBody = Boolean(frame.context_line || (frame.vars && Object.keys(frame.vars).length));
  const first = (frame.lineno ?? 0) - (frame.pre_context?.length ?? 0);
  const lines = [
    ...(frame.pre_context ?? []).map((l) => ({ l, here: false })),
    ...(frame.context_line !== undefined ? [{ l: frame.context_line, here: true }] : []),
    ...(frame.post_context ?? []).map((l) => ({ l, here: false })),
  ];
  return (
    <li className={s.frame}>
      <button type="button" className={s.head} onClick={onToggle} aria-expanded={hasBody ? open : undefined} disabled={!hasBody}>
        <Icon name={open && hasBody ? 'angle-down' : 'angle-right'} className={hasBody ? undefined : s.hidden} />
        <span className={s.file} title={frame.abs_path}>
          {where(frame)}
        </span>
        <span className={s.muted}>in</span>
        <span className={s.fn}>{what(frame)}</span>
        {Boolean(frame.lineno) && (
          <span className={s.muted}>
            line {frame.lineno}
            {frame.colno ? `:${frame.colno}` : ''}
          </span>
        )}
        {frame.in_app && <Badge text="in app" color="blue" />}
      </button>
      {open && hasBody && (
        <div className={s.body}>
          {lines.length > 0 && (
            <pre className={s.code} aria-label="Source" role="group" tabIndex={0}>
              {lines.map(({ l, here }, i) => (
                <div key={i} className={cx(s.line, here && s.here)}>
                  <span className={s.no}>{first > 0 ? first + i : ''}</span>
                  {l || ' '}
                </div>
              ))}
            </pre>
          )}
          {frame.vars && Object.keys(frame.vars).length > 0 && (
            <table className={s.vars} aria-label="Local variables">
              <tbody>
                {Object.entries(frame.vars).map(([k, v]) => (
                  <tr key={k}>
                    <th scope="row">{k}</th>
                    <td>
                      <code className={s.value}>{text(v)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      )}
    </li>
  );
}

function ExceptionBlock({ exception, label }: { exception: ExceptionValue; label?: string }) {
  const s = useStyles2(styles);
  const frames = useMemo(() => [...(exception.stacktrace?.frames ?? [])].filter(Boolean).reverse(), [exception]);
  const inApp = frames.some((f) => f.in_app);
  const [all, setAll] = useState(!inApp);
  const [open, setOpen] = useState<Record<number, boolean>>({});
  const firstShown = frames.findIndex((f) => all || f.in_app);
  const hidden = frames.filter((f) => !f.in_app).length;
  return (
    <section className={s.exception}>
      {label && <p className={s.muted}>{label}</p>}
      <h4 className={s.title}>
        {exception.type ?? 'Stack'}
        {exception.value ? <span className={s.value}>: {exception.value}</span> : null}
      </h4>
      <div className={s.badges}>
        {exception.mechanism?.handled === false && <Badge text="unhandled" color="red" />}
        {exception.mechanism?.type && <Badge text={exception.mechanism.type} color="purple" />}
        {exception.mechanism?.is_exception_group && <Badge text="exception group" color="orange" />}
      </div>
      {frames.length === 0 && <p className={s.muted}>This exception came without a stack trace.</p>}
      <ol className={s.list}>
        {frames.map((f, i) =>
          all || f.in_app ? (
            <FrameRow
              key={i}
              frame={f}
              open={open[i] ?? i === firstShown}
              onToggle={() => setOpen({ ...open, [i]: !(open[i] ?? i === firstShown) })}
            />
          ) : null
        )}
      </ol>
      {inApp && hidden > 0 && (
        <Button size="sm" variant="secondary" fill="text" onClick={() => setAll(!all)}>
          {all ? 'Show application frames only' : `Show ${hidden} more of libraries`}
        </Button>
      )}
    </section>
  );
}

export function StackTrace({ payload }: { payload: Payload }) {
  const s = useStyles2(styles);
  const c = chain(payload);
  if (!c) {
    const msg = payload.logentry?.formatted ?? payload.logentry?.message ?? payload.message;
    return msg ? <pre className={cx(s.code, s.value)}>{msg}</pre> : <p className={s.muted}>This event carries no stack trace.</p>;
  }
  return (
    <div>
      <ExceptionBlock exception={c.main} />
      {c.rest.map((e, i) => (
        <ExceptionBlock key={i} exception={e} label={relation(e, [c.main, ...c.rest])} />
      ))}
    </div>
  );
}

const styles = (theme: GrafanaTheme2) => ({
  exception: css({ marginBottom: theme.spacing(2) }),
  title: css({ fontSize: theme.typography.h5.fontSize, overflowWrap: 'anywhere' }),
  value: css({ fontWeight: theme.typography.fontWeightRegular, whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', unicodeBidi: 'isolate' }),
  badges: css({ display: 'flex', gap: theme.spacing(0.5), marginBottom: theme.spacing(1) }),
  list: css({ listStyle: 'none', margin: 0, padding: 0, border: `1px solid ${theme.colors.border.weak}` }),
  frame: css({ '& + &': { borderTop: `1px solid ${theme.colors.border.weak}` } }),
  head: css({
    display: 'flex',
    width: '100%',
    gap: theme.spacing(0.5),
    alignItems: 'center',
    padding: theme.spacing(0.5, 1),
    border: 0,
    textAlign: 'left',
    flexWrap: 'wrap',
    background: theme.colors.background.secondary,
    color: theme.colors.text.primary,
    fontFamily: theme.typography.fontFamilyMonospace,
    fontSize: theme.typography.bodySmall.fontSize,
  }),
  file: css({ wordBreak: 'break-all' }),
  fn: css({ fontWeight: theme.typography.fontWeightMedium }),
  hidden: css({ visibility: 'hidden' }),
  muted: css({ color: theme.colors.text.secondary }),
  body: css({ padding: theme.spacing(1) }),
  code: css({ padding: 0, margin: 0, overflowX: 'auto', fontSize: theme.typography.bodySmall.fontSize }),
  line: css({ whiteSpace: 'pre', paddingRight: theme.spacing(1) }),
  here: css({ background: theme.colors.error.transparent }),
  no: css({ display: 'inline-block', width: '5ch', paddingRight: '1ch', textAlign: 'right', color: theme.colors.text.secondary }),
  vars: css({
    width: '100%',
    marginTop: theme.spacing(1),
    tableLayout: 'fixed',
    fontSize: theme.typography.bodySmall.fontSize,
    '& th': { width: '20%', overflowWrap: 'anywhere', textAlign: 'left', verticalAlign: 'top', fontWeight: theme.typography.fontWeightRegular },
    '& td': { overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' },
  }),
});
