package refusal

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"errata/ingest/topic"
	"errata/schema"
)

// outage is a producer that is away.
type outage struct {
	away bool
	got  []topic.Message
}

func (o *outage) Write(_ context.Context, m []topic.Message) error {
	if o.away {
		return errors.New("away")
	}
	o.got = append(o.got, m...)
	return nil
}

func TestRefusalsWaitForTheBroker(t *testing.T) {
	o := &outage{away: true}
	var s Sums
	log := slog.New(slog.DiscardHandler)
	s.Add(Kind{1, schema.OutcomeInvalid, "request_bad", schema.Protocol_PROTOCOL_SENTRY}, 2)
	s.Tell(t.Context(), o.Write, log)
	require.Empty(t, o.got)
	s.Add(Kind{1, schema.OutcomeInvalid, "request_bad", schema.Protocol_PROTOCOL_SENTRY}, 3)
	for i := range 2 * maxKinds {
		s.Add(Kind{uint32(i), schema.OutcomeInvalid, "x", 0}, 1)
	}
	o.away = false
	s.Tell(t.Context(), o.Write, log)
	require.LessOrEqual(t, len(o.got), maxKinds, "memory is bounded")
	s.Tell(t.Context(), o.Write, log)
	found := false
	for _, m := range o.got {
		r := &schema.Record{}
		require.NoError(t, schema.DecodeRecord(r, m.Value))
		for _, x := range r.Outcomes {
			if x.Reason == "request_bad" {
				require.False(t, found, "told once")
				require.EqualValues(t, 5, x.Quantity)
				found = true
			}
		}
	}
	require.True(t, found)
}
