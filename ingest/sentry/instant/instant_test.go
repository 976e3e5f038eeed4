package instant

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"errata/ingest/node"
)

func TestValue(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 11, 12, 37, 160251000, time.UTC).UnixMicro()
	for name, c := range map[string]struct {
		json string
		want int64
		ok   bool
	}{
		"RFC 3339":                    {`"2026-11-23T11:12:37.160251Z"`, at, true},
		"nanoseconds are cut":         {`"2026-11-23T11:12:37.160251999Z"`, at, true},
		"no zone is UTC":              {`"2026-11-23T11:12:37.160251"`, at, true},
		"an offset":                   {`"2026-11-23T13:12:37.160251+02:00"`, at, true},
		"an offset without colon":     {`"2026-11-23T13:12:37.160251+0200"`, at, true},
		"a blank":                     {`"2026-11-23 11:12:37.160251"`, at, true},
		"zero offset":                 {`"2026-11-23T11:12:37.160251+00:00"`, at, true},
		"seconds":                     {`1795432357.160251`, at, true},
		"digits in a string":          {`"1795432357.160251"`, at, true},
		"a leap day":                  {`"2024-02-29T00:00:00Z"`, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMicro(), true},
		"no leap day":                 {`"2023-02-29T00:00:00Z"`, 0, false},
		"before 1970":                 {`"1969-12-31T23:59:59Z"`, 0, false},
		"negative":                    {`-1`, 0, false},
		"beyond 9999":                 {`253402300800`, 0, false},
		"milliseconds taken for year": {`1795432357160`, 0, false},
		"not a number":                {`NaN`, 0, false},
		"text":                        {`"yesterday"`, 0, false},
		"empty":                       {`""`, 0, false},
		"a list":                      {`[1]`, 0, false},
		"null":                        {`null`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := node.Parse([]byte(c.json))
			require.NoError(t, err)
			got, ok := Value(v)
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, got)
		})
	}
}

func TestTextIsTimeParse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(0, 253402300799_999999).Draw(t, "us")
		s := string(Append(nil, us))
		require.Equal(t, time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"), s)
		got, ok := Text(s)
		require.True(t, ok)
		require.Equal(t, us, got)
	})
}

// TestAppendIsFormat writes times before 1970 and after 9999 as well: a drift
// may lead there.
func TestAppendIsFormat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(-400_000_000_000_000_000, 400_000_000_000_000_000).Draw(t, "us")
		require.Equal(t, time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.000000Z"), string(Append(nil, us)))
	})
}

func BenchmarkAppend(b *testing.B) {
	var dst []byte
	for b.Loop() {
		dst = Append(dst[:0], 1795432357160251)
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ behind, want time.Duration }{
		"a delay":            {54 * time.Minute, 0},
		"clock behind":       {55 * time.Minute, 55 * time.Minute},
		"clock ahead":        {-2 * time.Hour, -2 * time.Hour},
		"clock a bit ahead":  {-54 * time.Minute, 0},
		"a day behind":       {24 * time.Hour, 24 * time.Hour},
		"no difference":      {0, 0},
		"just under 55 min.": {55*time.Minute - time.Microsecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want.Microseconds(), Drift(now, now.Add(-c.behind).UnixMicro()))
		})
	}
}
