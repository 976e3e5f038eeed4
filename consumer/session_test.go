package consumer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"errata/schema"
)

// A session begins once and crashes once, however many updates say so: a browser
// whose page crashed says it again when the page is left, and an update that is
// sent again by a client whose clock is off has another time.
func TestASessionCrashesOnce(t *testing.T) {
	t.Parallel()
	s, at := newStore(t, 1), epoch.UnixMilli()
	send := func(updates ...*schema.Session) {
		for _, x := range updates {
			x.Started, x.Release, x.Quantity = at, "shop@1.0", 1
		}
		s.send(schema.TopicSessions, "a", &schema.Record{ProjectId: 1, ReceivedAt: at, Sessions: updates,
			Receipts: []*schema.Receipt{{Category: schema.CategorySession, Quantity: uint64(len(updates))}}})
	}
	const crashed, abnormal, exited = schema.SessionStatus_SESSION_CRASHED, schema.SessionStatus_SESSION_ABNORMAL, schema.SessionStatus_SESSION_EXITED
	update := func(id uint64, millis int64, init bool, status schema.SessionStatus) *schema.Session {
		return &schema.Session{SessionId: id16(id), Seq: uint64(at + millis), Timestamp: at + millis, Init: init, Status: status}
	}
	counts := func() []uint64 {
		var started, crashes, abnormals, views, viewed uint64
		require.NoError(t, s.conn.QueryRow(t.Context(), "SELECT sum(started), sum(crashed), sum(abnormal) FROM session_hour").Scan(&started, &crashes, &abnormals))
		require.NoError(t, s.conn.QueryRow(t.Context(), "SELECT sum(sessions), sum(crashed_sessions) FROM releases").Scan(&views, &viewed))
		return []uint64{started, crashes, abnormals, views, viewed}
	}
	send(update(1, 0, true, 0), update(2, 0, true, crashed))
	send(update(1, 10, false, crashed), update(1, 20, false, crashed)) // In one record.
	send(update(3, 0, true, exited))
	stop := s.start(s.config())
	s.eventually(5, "SELECT count() FROM sessions")
	stop()
	require.Equal(t, []uint64{3, 2, 0, 3, 2}, counts())

	// The next process knows it from the table.
	send(update(1, 30, false, crashed), update(2, 5, true, crashed), update(3, 5, true, exited))
	send(update(2, 5, true, crashed))                               // Byte by byte the same: not stored.
	send(update(4, 0, false, crashed), update(4, 1, true, crashed)) // The beginning comes late.
	send(update(5, 0, true, abnormal), update(5, 1, false, abnormal))
	stop = s.start(s.config())
	s.eventually(12, "SELECT count() FROM sessions")
	stop()
	require.Equal(t, []uint64{5, 4, 1, 5, 4}, counts())
	require.EqualValues(t, 1, s.number("SELECT sum(quantity) FROM outcomes WHERE outcome = 'duplicate'"))
	s.balanced()
}
