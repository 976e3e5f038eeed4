package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"errata/queries"
)

// block is how many events one insert makes.
const block = 200_000

// made is one event as a function of its number n: projects (of ten the last has
// a quarter of all, each other one a twelfth), each with as many fingerprints by a power law, 100 releases that come
// one after the other, 90 days, 10 tags, a trace for every other event, a twin
// for every tenth. The same number gives the same event.
const made = `INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, main_hash, event_id, grouping_version, deciding_component, weight, protocol, type, level, platform,
    sdk_name, sdk_version, service, environment, release, server_name, transaction, title, culprit, message, exception_type, exception_value, handled,
    frames_function, frames_file, frames_line, frames_in_app, user_id, user_hash, http_method, http_status, url, trace_id, span_id, tags, payload, payload_bytes, topic_offset)
SELECT
    1 + least({projects:UInt64} - 1, intDiv(r1 % 1000, 83)) AS p,
    toDateTime64(toDateTime({start:DateTime}) + toUInt32(n * 7776000. / {total:UInt64}), 3, 'UTC') + (r2 % 1000) / 1000. AS t, t,
    sipHash64(p, group) AS f, [f, f + 1], f + 1, reinterpretAsUUID(concat(reinterpretAsFixedString(r1), reinterpretAsFixedString(r2))), 'errata:2026-11', 'exception stack',
    if(n % 10 = 9, 0, 1), if(n % 10 = 9, 'otlp', 'sentry'), 'error', multiIf(r3 % 20 = 0, 'fatal', r3 % 7 = 0, 'warning', 'error'), 'python', 'sentry.python', '2.40.0',
    concat('service-', toString(group % 12)), ['production', 'production', 'production', 'staging'][r2 % 4 + 1],
    concat('shop@2.', toString(toUInt32(n * 100. / {total:UInt64})), '.0'), concat('web-', toString(r1 % 40)), concat('/api/', toString(group % 300), '/items'),
    concat(['ValueError', 'KeyError', 'TimeoutError', 'PaymentDeclined'][group % 4 + 1], ': cannot ', ['load', 'save', 'charge', 'parse'][group % 4 + 1], ' item ', toString(r3 % 100000), ' of group ', toString(group)),
    concat('shop.module_', toString(group % 500), ' in handler_', toString(group % 7)), if(n % 5 = 0, concat('request ', toString(r2 % 1000000), ' failed after ', toString(r3 % 3000), ' ms'), ''),
    ['ValueError', 'KeyError', 'TimeoutError', 'PaymentDeclined'][group % 4 + 1], concat('item ', toString(r3 % 100000)), 'no',
    arrayMap(i -> concat('function_', toString((group * 7 + i) % 900)), range(7)), arrayMap(i -> concat('shop/module_', toString((group * 3 + i) % 300), '.py'), range(7)),
    arrayMap(i -> toUInt32((group * 13 + i * 17) % 900), range(7)), arrayMap(i -> i > 3, range(7)),
    concat('user-', toString(r4 % 200000)), cityHash64(r4 % 200000) AS u, 'POST', 500, concat('https://shop.example/api/', toString(group % 300), '/items/', toString(r3 % 5000)),
    if(n % 2 = 0, lower(concat(hex(r3), hex(sipHash64(intDiv(n, 2), 9)))), ''), if(n % 2 = 0, lower(hex(r4)), ''),
    map('browser', ['Chrome 140', 'Firefox 143', 'Safari 19'][r1 % 3 + 1], 'os', ['Linux', 'Windows', 'macOS', 'Android'][r2 % 4 + 1], 'plan', ['free', 'pro', 'team'][(group + r3 % 2) % 3 + 1],
        'region', concat('region-', toString(r4 % 12)), 'runtime', 'CPython 3.13', 'device', concat('device-', toString(r1 % 60)), 'handled', 'no', 'feature', concat('feature-', toString(group % 25)),
        'tenant', concat('tenant-', toString(r2 % 400)), 'mechanism', 'fastapi'),
    '{}', 5000, n
FROM (
    SELECT number + {from:UInt64} AS n, sipHash64(n, 1) AS r1, sipHash64(n, 2) AS r2, sipHash64(n, 3) AS r3, sipHash64(n, 4) AS r4,
        toUInt32(exp(log({groups:UInt64}) * ((sipHash64(n, 5) % 1000000) / 1000000.)) - 1) AS group
    FROM numbers({count:UInt64})
    WHERE {just:UInt64} IN (0, 1 + least({projects:UInt64} - 1, intDiv(sipHash64(number + {from:UInt64}, 1) % 1000, 83))))
SETTINGS max_insert_block_size = 200000, min_insert_block_size_rows = 200000, max_threads = 1, max_insert_threads = 1`

// segments makes a span for every other event, so that traces have both.
const segments = `INSERT INTO spans (project_id, ts, received_at, trace_id, span_id, service, op, name, kind, is_segment, segment_name, duration_us, status, environment, release)
SELECT project_id, toDateTime64(ts, 6, 'UTC'), received_at, trace_id, span_id, service, 'http.server', transaction, 'server', true, transaction, 1000 + sipHash64(span_id) % 900000, 'error', environment, release
FROM events WHERE topic_offset >= {from:UInt64} AND topic_offset < {from:UInt64} + {count:UInt64} AND trace_id != '' AND topic_offset % 20 = 0
SETTINGS max_threads = 1, max_insert_threads = 1`

// actions make one issue of ten acted on: assigned, resolved or ignored.
const actions = `INSERT INTO issue_actions (project_id, fingerprint, actor, action, assignee, resolution)
SELECT project_id, fingerprint, 'ann', ['assign', 'resolve', 'ignore'][fingerprint % 3 + 1], 'ann', 'now'
FROM (SELECT DISTINCT project_id, fingerprint FROM issue_rollup) WHERE fingerprint % 10 = 0 AND (SELECT count() FROM issue_actions) = 0`

// fill makes what is missing up to total events.
func (c *command) fill(ctx context.Context, s *queries.Store) error {
	if c.Projects < 1 || c.Projects > 10 || c.Issues < c.Projects || c.Issues > 1_000_000 {
		return fmt.Errorf("cannot make events of %d issues in %d projects: give --projects 1 to 10 and --issues from as many to 1,000,000", c.Issues, c.Projects)
	}
	total := c.Events
	r, err := s.SQL(ctx, fmt.Sprintf("SELECT if(count() = 0, toUInt64(%d), toUInt64(min(topic_offset))) FROM events", total))
	if err != nil {
		return err
	}
	have, oldest := r.Rows[0][0].(uint64), total-total*min(c.Days, 90)/90
	if have <= oldest {
		return nil
	}
	begin := time.Now()
	block := uint64(block)
	if c.Just > 0 {
		block *= c.Projects
	}
	start := time.Now().UTC().Add(-90 * 24 * time.Hour).Format("2006-01-02 15:04:05")
	// Newest first, so that a store of few days can be continued with more of them.
	for to := have; to > oldest; {
		count := min(block, to-oldest)
		from := to - count
		values := map[string]string{"start": start, "total": fmt.Sprint(total), "from": fmt.Sprint(from), "count": fmt.Sprint(count),
			"just": fmt.Sprint(c.Just), "projects": fmt.Sprint(c.Projects), "groups": fmt.Sprint(c.Issues / c.Projects)}
		for _, sql := range []string{made, segments} {
			if err := s.Exec(ctx, sql, values); err != nil {
				return fmt.Errorf("cannot make events: %w", err)
			}
		}
		fmt.Fprintf(os.Stderr, "\r%d of %d events, %.0f/s ", have-from, have-oldest, float64(have-from)/time.Since(begin).Seconds())
		to = from
		time.Sleep(c.Pause)
	}
	fmt.Fprintln(os.Stderr)
	if err := s.Exec(ctx, actions, nil); err != nil {
		return fmt.Errorf("cannot make actions: %w", err)
	}
	return nil
}
