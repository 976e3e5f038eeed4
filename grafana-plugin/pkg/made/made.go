// Package made makes events for measurements of the plugin. In: a store, how
// many events, over how long. Out: events of one project, whose newest happened
// when the first of them was made. It goes on where an earlier run stopped.
package made

import (
	"context"
	"fmt"
	"time"

	"errata/queries"
)

// step is how many events an insert makes, as the consumer writes: the memory
// of one insert is bounded.
const step = 50_000

// Fill makes events up to n, evenly over the time before now: 2,000 issues by a
// power law, 20 releases, ten services, two tags, received 50 ms to 20 s later. It
// returns when the newest one happened.
func Fill(ctx context.Context, s *queries.Store, n int, over time.Duration) (time.Time, error) {
	r, err := s.SQL(ctx, "SELECT count(), max(ts) FROM events WHERE project_id = 1")
	if err != nil {
		return time.Time{}, err
	}
	have, newest := int(r.Rows[0][0].(uint64)), r.Rows[0][1].(time.Time) //nolint:gosec // Millions.
	if have == 0 {
		newest = time.Now().UTC().Truncate(time.Millisecond)
	}
	for from := have; from < n; from += step {
		sql := fmt.Sprintf(`INSERT INTO events (project_id, ts, received_at, fingerprint, hashes, event_id, weight, protocol, type, level, platform, service, environment, release, title, culprit,
			message, exception_type, user_hash, trace_id, tags, payload, payload_bytes)
			SELECT 1, fromUnixTimestamp64Milli(%d, 'UTC') - toIntervalMillisecond(number * %d) AS at, at + toIntervalMillisecond(toUInt32(50 * exp(cityHash64(number, 1) %% 1000 / 1000 * 6))), cityHash64(f) AS fp, [fp], generateUUIDv4(), 1, 'sentry', 'error', 'error', 'python', concat('service-', toString(number %% 10)),
				['production', 'staging'][number %% 2 + 1], concat('shop@1.', toString(number %% 20), '.0'), concat('Error', toString(f), ': failed'), 'shop.views in pay', 'failed to pay', concat('Error', toString(f)), number %% 10000 + 1,
				lower(hex(MD5(toString(intDiv(number, 3))))), map('plan', ['pro', 'free'][number %% 2 + 1], 'region', toString(number %% 50)), '{"platform":"python"}', 2000
			FROM (SELECT number, toUInt32(pow(cityHash64(number) %% 10000 / 10000, 3) * 2000) AS f FROM numbers(%d, %d))`, newest.UnixMilli(), over.Milliseconds()/int64(n)+1, from, min(step, n-from))
		if err := s.Conn().Exec(ctx, sql); err != nil {
			return newest, fmt.Errorf("cannot make events: %w", err)
		}
	}
	return newest, nil
}
