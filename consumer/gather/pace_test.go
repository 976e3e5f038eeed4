package gather_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/consumer/gather"
)

func TestAgeOfBlocks(t *testing.T) {
	t.Parallel()
	ages := gather.Range{Least: 350 * time.Millisecond, Most: 4 * time.Second}
	for name, c := range map[string]struct {
		topic, own float64
		rows       int
		gathered   time.Duration
		want       time.Duration
	}{
		"nothing known yet":                           {0, 0, 5, 10 * time.Millisecond, 350 * time.Millisecond},
		"a few":                                       {400, 400, 40, 100 * time.Millisecond, 350 * time.Millisecond},
		"half load":                                   {3500, 3500, 3500, time.Second, 1333 * time.Millisecond},
		"full load":                                   {7000, 7000, 7000, time.Second, 4 * time.Second},
		"full load, a third of it here":               {7000, 2333, 2333, time.Second, 4 * time.Second},
		"a topic of its own, beside full load":        {20, 20, 2, 100 * time.Millisecond, 350 * time.Millisecond},
		"the end of a backlog, just read":             {25000, 25000, 10000, 300 * time.Millisecond, 4 * time.Second},
		"the end of a backlog, nothing since":         {25000, 25000, 10000, 4 * time.Second, 1087 * time.Millisecond},
		"the end of a backlog, other partitions busy": {14000, 7000, 10, 2 * time.Second, 4 * time.Second},
		"a moment of less":                            {7000, 7000, 6500, time.Second, 4 * time.Second},
		"full load before, half of it now":            {7000, 7000, 3500, time.Second, 1600 * time.Millisecond},
		"half as much within the first second":        {7000, 7000, 2000, 500 * time.Millisecond, 4 * time.Second},
		"less here, as much elsewhere":                {7000, 3500, 1750, time.Second, 2800 * time.Millisecond},
		"faster than before":                          {1000, 1000, 9000, time.Second, 514 * time.Millisecond},
		"one row in five seconds":                     {7000, 7000, 1, 5 * time.Second, 350 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.InDelta(t, c.want.Seconds(), ages.Age(gather.Current(c.topic, c.own, c.rows, c.gathered)).Seconds(), 0.01)
		})
	}
}

func TestPaceOfATopic(t *testing.T) {
	t.Parallel()
	var p gather.Pace
	require.Zero(t, p.Of("events"))
	p.Change("events", 2000)
	p.Change("events", 3000)
	p.Change("logs", 10)
	require.InDelta(t, 5000, p.Of("events"), 1e-9)
	p.Change("events", -2000) // A partition is given up.
	require.InDelta(t, 3000, p.Of("events"), 1e-9)
	require.InDelta(t, 10, p.Of("logs"), 1e-9)
}
