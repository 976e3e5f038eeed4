package ingest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"errata/ingest/canary"
	"errata/schema"
)

// TestNoSecretReachesATopic puts each kind of secret in each place of both
// protocols that takes text and is no name of code.
func TestNoSecretReachesATopic(t *testing.T) {
	t.Parallel()
	e := start(t)
	n := 0
	for kind, c := range canary.Kinds {
		// Alone, and deep inside of a text that is long.
		for _, text := range []string{c[0], strings.Repeat("all is well. ", 40) + c[0] + strings.Repeat(" all is well.", 40)} {
			n++
			for _, r := range canary.Requests(n, text, testKey) {
				answer := e.do("POST", r.Path, r.Body, "Content-Type", r.ContentType)
				require.Equal(t, r.Status, answer.status, "%s %s: %s", kind, r.Path, answer.body)
				assert.NotContains(t, answer.body, c[1], "%s %s", kind, r.Path)
			}
		}
	}
	for _, topic := range append([]string{schema.TopicDead}, schema.Topics...) {
		told := map[string]int{}
		for _, r := range e.records(topic) {
			raw, err := schema.EncodeRecord(r)
			require.NoError(t, err)
			require.NotContains(t, string(raw), canary.Whole)
			for kind, c := range canary.Kinds {
				if i := strings.Index(string(raw), c[1]); i >= 0 && told[kind] < 3 {
					t.Errorf("%s passed to %s: ...%q", kind, topic, raw[max(0, i-120):min(len(raw), i+20)])
					told[kind]++
				}
			}
		}
	}
}
