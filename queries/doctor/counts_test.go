package doctor_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/doctor"
	"errata/schema/tables"
)

// What is on its way changes, and is no defect; what stays is one.
func TestCounts(t *testing.T) {
	server := clickhousetest.Shared(t)
	cfg := queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]}
	conn, err := queries.Dial(t.Context(), cfg)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Database: "counted", Password: cfg.Password}))
	cfg.Database = "counted"
	s, err := queries.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	verdict := func() string {
		_, v, err := doctor.Counts(t.Context(), s, 1)
		require.NoError(t, err)
		return v
	}
	count := func() error { // Of the event, or of none.
		return s.Conn().Exec(t.Context(), "INSERT INTO project_minute (project_id, minute, events) VALUES (1, now(), 1)")
	}
	require.NoError(t, s.Conn().Exec(t.Context(), "INSERT INTO events (project_id, ts, received_at, fingerprint) VALUES (1, now64(3), now64(3), 1)"))
	require.Equal(t, doctor.OK, verdict())

	require.NoError(t, count())
	stop := make(chan struct{})
	var coming sync.WaitGroup
	coming.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
			if err := count(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	require.Equal(t, doctor.Warn, verdict())
	close(stop)
	coming.Wait()
	require.Equal(t, doctor.Fail, verdict())
	require.NoError(t, s.Conn().Exec(t.Context(), "TRUNCATE TABLE project_minute"))
	require.NoError(t, count())
	require.Equal(t, doctor.OK, verdict())
}
