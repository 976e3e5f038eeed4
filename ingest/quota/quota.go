// Package quota counts items against limits and says it in the words of the
// Sentry protocol. In: how many items of a category a request brings. Out: how
// many may pass, and the limits that are reached. Counts are per process and in
// fixed windows: they protect the store and are no invoice.
package quota

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config is one limit on items. Of several each one must have room.
type Config struct {
	Categories    []string `json:"categories"`     // Data categories; empty means all.
	Limit         uint64   `json:"limit"`          // Items per window; 0 refuses everything.
	WindowSeconds uint32   `json:"window_seconds"` // 1 to 86400.
	Reason        string   `json:"reason"`         // Goes to the client and the ledger; empty: quota.
	PerKey        bool     `json:"per_key"`        // Each key has its own count.
	// PerFingerprint gives each issue its own count (events only).
	PerFingerprint bool `json:"per_fingerprint"`
}

// Check names what cannot work.
func Check(quotas []Config, known func(category string) bool) error {
	if len(quotas) > 100 {
		return fmt.Errorf("quotas: %d are too many, at most 100", len(quotas))
	}
	for i, q := range quotas {
		if q.WindowSeconds < 1 || q.WindowSeconds > 86400 {
			return fmt.Errorf("quotas[%d].window_seconds: %d is out of range, use 1 to 86400", i, q.WindowSeconds)
		}
		if len(q.Reason) > 64 || strings.ContainsAny(q.Reason, ":;, \n") {
			return fmt.Errorf("quotas[%d].reason: %q must be at most 64 characters without spaces, colons, semicolons and commas", i, q.Reason)
		}
		for _, c := range q.Categories {
			if !known(c) {
				return fmt.Errorf("quotas[%d].categories: %q is not a category", i, c)
			}
		}
	}
	return nil
}

func (q *Config) covers(category string) bool {
	if slices.Contains(q.Categories, category) {
		return true
	}
	return len(q.Categories) == 0
}

// Unnamed is the reason of a limit that gives none.
const Unnamed = "quota"

// ReasonText is the reason, or its default.
func (q *Config) ReasonText() string {
	if q.Reason == "" {
		return Unnamed
	}
	return q.Reason
}

// Reached is a limit that is used up until a moment.
type Reached struct {
	Quota *Config
	Scope string // project or key.
	Until time.Time
}

// RetryAfter is how long to wait, rounded up to seconds by the caller.
func (r Reached) RetryAfter(now time.Time) time.Duration {
	return max(time.Second, r.Until.Sub(now))
}

// Header renders limits as X-Sentry-Rate-Limits: seconds:cat;cat:scope:reason,
// joined by commas. A limit of one issue is not told: the client would stop
// sending all others.
func Header(limits []Reached, now time.Time) (header string, retryAfter time.Duration) {
	var parts []string
	for _, r := range limits {
		if r.Quota.PerFingerprint {
			continue
		}
		wait := r.RetryAfter(now)
		retryAfter = max(retryAfter, wait)
		seconds := int64((wait + time.Second - 1) / time.Second)
		parts = append(parts, fmt.Sprintf("%d:%s:%s:%s", seconds, strings.Join(clientNames(r.Quota.Categories), ";"), r.Scope, r.Quota.ReasonText()))
	}
	return strings.Join(parts, ", "), retryAfter
}

// clientNames adds what SDKs call a part of a category: they send no log while
// log_item is limited, but profiles of two kinds have names of their own.
func clientNames(categories []string) []string {
	out := make([]string, 0, len(categories)+2)
	for _, c := range categories {
		out = append(out, c)
		if c == "profile" {
			out = append(out, "profile_chunk", "profile_chunk_ui")
		}
	}
	return out
}

const (
	shards   = 32
	maxShard = 8192 // Counters of one shard; beyond it old windows are dropped.
)

type counter struct {
	window int64 // Index of the window since 1970.
	length int64 // Seconds.
	used   uint64
}

// Limiter holds the counts. It is safe for concurrent use.
type Limiter struct {
	shards [shards]struct {
		sync.Mutex
		counts map[Subject]*counter
		swept  int64 // Unix seconds of the last search for old windows.
	}
}

// Subject is what a count is kept for.
type Subject struct {
	Project     uint32
	Key         string // Of a limit per key, else empty.
	Fingerprint uint64 // Of a limit per issue, else 0.
	// Limit tells the limits of a project apart. It is made of their values, so
	// that counts outlive a refresh of the settings that changes nothing.
	Limit [3]uint64
}

func identity(i int, ofKey bool, q *Config) [3]uint64 {
	place := uint64(i) << 1
	if ofKey {
		place |= 1
	}
	return [3]uint64{place, q.Limit, uint64(q.WindowSeconds)}
}

// New returns a Limiter with empty counts.
func New() *Limiter {
	l := &Limiter{}
	for i := range l.shards {
		l.shards[i].counts = map[Subject]*counter{}
	}
	return l
}

func (s *Subject) shard() int {
	h := uint64(s.Project)*0x9e3779b97f4a7c15 ^ s.Fingerprint*0xbf58476d1ce4e5b9
	for i := range min(len(s.Key), 8) {
		h = h*31 + uint64(s.Key[i])
	}
	return int(h>>56) % shards
}

// take grants up to n and says when the window ends.
func (l *Limiter) take(s Subject, q *Config, n uint64, now time.Time) (granted uint64, until time.Time) {
	length := int64(q.WindowSeconds)
	window := now.Unix() / length
	until = time.Unix((window+1)*length, 0)
	sh := &l.shards[s.shard()]
	sh.Lock()
	defer sh.Unlock()
	c := sh.counts[s]
	if c == nil {
		if len(sh.counts) >= maxShard && sh.swept != now.Unix() {
			sh.swept = now.Unix()
			for k, old := range sh.counts {
				if old.window != now.Unix()/old.length {
					delete(sh.counts, k)
				}
			}
		}
		if len(sh.counts) >= maxShard {
			// More subjects at once than can be counted: let them pass.
			return n, until
		}
		c = &counter{window: window, length: length}
		sh.counts[s] = c
	}
	if c.window != window {
		c.window, c.used = window, 0
	}
	granted = min(n, q.Limit-min(q.Limit, c.used))
	c.used += granted
	return granted, until
}

func (l *Limiter) giveBack(s Subject, n uint64) {
	sh := &l.shards[s.shard()]
	sh.Lock()
	defer sh.Unlock()
	if c := sh.counts[s]; c != nil {
		c.used -= min(n, c.used)
	}
}

// Ask is what a request wants.
type Ask struct {
	Project     uint32
	Key         string
	Category    string
	Fingerprint uint64 // 0: limits per issue do not apply.
	N           uint64
	Now         time.Time
}

// Take grants as many of the asked items as all limits have room for. limit is
// the one that granted least, where it was not all.
func (l *Limiter) Take(project, key []Config, a Ask) (granted uint64, limit *Reached) {
	granted = a.N
	var taken [8]struct {
		s Subject
		n uint64
	}
	used := taken[:0]
	try := func(quotas []Config, ofKey bool) {
		for i := range quotas {
			q := &quotas[i]
			if granted == 0 || !q.covers(a.Category) || q.PerFingerprint && a.Fingerprint == 0 {
				continue
			}
			s, scope := Subject{Project: a.Project, Limit: identity(i, ofKey, q)}, "project"
			if ofKey || q.PerKey {
				s.Key, scope = a.Key, "key"
			}
			if q.PerFingerprint {
				s.Fingerprint = a.Fingerprint
			}
			n, until := l.take(s, q, granted, a.Now)
			used = append(used, struct {
				s Subject
				n uint64
			}{s, n})
			if n < granted {
				granted, limit = n, &Reached{Quota: q, Scope: scope, Until: until}
			}
		}
	}
	try(project, false)
	try(key, true)
	for _, u := range used {
		if u.n > granted {
			l.giveBack(u.s, u.n-granted)
		}
	}
	return granted, limit
}

// Exhausted returns a limit over all categories that has no room left: the
// request can be refused before its body is read.
func (l *Limiter) Exhausted(project, key []Config, projectID uint32, keyText string, now time.Time) *Reached {
	for ofKey, quotas := range map[bool][]Config{false: project, true: key} {
		for i := range quotas {
			q := &quotas[i]
			if len(q.Categories) > 0 || q.PerFingerprint {
				continue
			}
			s, scope := Subject{Project: projectID, Limit: identity(i, ofKey, q)}, "project"
			if ofKey || q.PerKey {
				s.Key, scope = keyText, "key"
			}
			length := int64(q.WindowSeconds)
			window := now.Unix() / length
			sh := &l.shards[s.shard()]
			sh.Lock()
			c := sh.counts[s]
			full := q.Limit == 0 || c != nil && c.window == window && c.used >= q.Limit
			sh.Unlock()
			if full {
				return &Reached{Quota: q, Scope: scope, Until: time.Unix((window+1)*length, 0)}
			}
		}
	}
	return nil
}
