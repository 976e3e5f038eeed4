package consumer_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	kafka "github.com/segmentio/kafka-go"

	localclick "errata/deploy/local/clickhouse"
	"errata/schema"
)

// stall tells all that can be known of a chaos in which nothing moves: it comes
// once in dozens of runs, and what its processes did is gone with them.
type stall struct {
	server    *localclick.Server
	serverDir string
	children  []*child
}

// told bounds what is printed of one file or process.
const told = 48 << 10

func (x *stall) tell(t testing.TB, s *store, group string) {
	t.Helper()
	t.Logf("ClickHouse: pid %d, started again %d times", x.server.PID(), x.server.Restarts())
	for _, name := range []string{"clickhouse.out", "clickhouse.log"} {
		t.Logf("%s: ...%s", name, tail(filepath.Join(x.serverDir, name)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var running string
	err := s.conn.QueryRow(ctx, "SELECT arrayStringConcat(groupArray(concat(toString(elapsed), ' s ', query)), '\n') FROM system.processes").Scan(&running)
	t.Logf("ClickHouse runs (error: %v):\n%s", err, running)
	x.tellGroup(ctx, t, s, group)
	for n, c := range x.children {
		_ = c.cmd.Process.Signal(syscall.SIGQUIT) // Go prints all goroutines and ends.
		time.Sleep(time.Second)
		t.Logf("consumer %d, pid %d: ...%s", n, c.cmd.Process.Pid, tail(c.output))
	}
	all := make([]byte, 1<<20)
	t.Logf("this process, with the broker in it:\n%s", all[:runtime.Stack(all, true)])
}

func (x *stall) tellGroup(ctx context.Context, t testing.TB, s *store, group string) {
	client := &kafka.Client{Addr: kafka.TCP(s.brokers...), Timeout: 5 * time.Second}
	g, err := client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		t.Logf("group: %v", err)
		return
	}
	for _, x := range g.Groups {
		t.Logf("group %s is %s: %v", x.GroupID, x.GroupState, x.Error)
		for _, m := range x.Members {
			t.Logf("member %s of %s has %+v", m.MemberID, m.ClientHost, m.MemberAssignments.Topics)
		}
	}
	for _, topic := range schema.Topics {
		meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
		if err != nil {
			t.Logf("%s: %v", topic, err)
			continue
		}
		var ids []int
		for _, p := range meta.Topics[0].Partitions {
			ids = append(ids, p.ID)
		}
		done, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: ids}})
		if err != nil {
			t.Logf("%s: %v", topic, err)
			continue
		}
		for _, p := range done.Topics[topic] {
			t.Logf("%s/%d is committed at %d %s: %v", topic, p.Partition, p.CommittedOffset, p.Metadata, p.Error)
		}
	}
}

func tail(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if st, err := f.Stat(); err == nil && st.Size() > told {
		_, _ = f.Seek(-told, io.SeekEnd)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		return fmt.Sprint(err)
	}
	return strings.TrimSpace(string(raw))
}
