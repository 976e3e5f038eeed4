package doctor_test

import (
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/doctor"
	"errata/schema"
	"errata/schema/tables"
)

// A database is restored from a backup, and the group stays where it was: what lies
// between is said to be missing, as long as the log has it.
func TestRestoredUnderNewerOffsets(t *testing.T) {
	server := clickhousetest.Shared(t)
	cfg := queries.Config{Addr: server.Addr(), Database: "default", User: "errata", Password: clickhousetest.Passwords["errata"]}
	conn, err := queries.Dial(t.Context(), cfg)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, tables.Migrate(t.Context(), conn, tables.Options{Database: "restored", Password: cfg.Password}))
	cfg.Database = "restored"
	s, err := queries.Open(t.Context(), cfg)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Conn().Exec(t.Context(), "TRUNCATE TABLE events")) // Of the run before, where there was one.

	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, append([]string{schema.TopicDead}, schema.Topics...)...))
	require.NoError(t, err)
	defer cluster.Close()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(cluster.ListenAddrs()...), Transport: transport}
	var records []kafka.Record
	for range 3000 {
		records = append(records, kafka.Record{Value: kafka.NewBytes([]byte("x"))})
	}
	produced, err := client.Produce(t.Context(), &kafka.ProduceRequest{Topic: schema.TopicEvents, Partition: 1, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
	require.NoError(t, err)
	require.NoError(t, produced.Error)
	commit := func(offset int64) {
		r, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: "errata", GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{schema.TopicEvents: {{Partition: 1, Offset: offset}}}})
		require.NoError(t, err)
		require.NoError(t, r.Topics[schema.TopicEvents][0].Error)
	}
	lag := func() doctor.Finding {
		for _, f := range doctor.Examine(t.Context(), doctor.Target{Store: s, Schema: tables.Options{Database: "restored", Password: cfg.Password}, Brokers: cluster.ListenAddrs()}) {
			if f.Check == "lag" {
				return f
			}
		}
		return doctor.Finding{}
	}
	store := func(offset int) {
		require.NoError(t, s.Conn().Exec(t.Context(), fmt.Sprintf(
			"INSERT INTO events (project_id, ts, received_at, fingerprint, topic_partition, topic_offset) VALUES (1, now64(3), now64(3), 1, 1, %d)", offset)))
	}
	require.Equal(t, doctor.OK, lag().Verdict, "nothing was read")
	store(799)
	commit(1700)
	require.Equal(t, doctor.OK, lag().Verdict, "some bring no event")
	commit(2500)
	require.Equal(t, doctor.Warn, lag().Verdict)
	require.Contains(t, lag().Detail, "read up to 2500, and the newest event of it that is stored is from before 800")
	require.Contains(t, lag().Next, "restored")
	store(2400)
	require.Equal(t, doctor.OK, lag().Verdict)
}
