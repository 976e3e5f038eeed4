// Package clustertest gives a test a cluster of ClickHouse: embedded engines of
// the product that ask each other through Distributed tables. A test comes in;
// shards named prod with the product's users go out. It leaves no process
// behind. The engine can neither replicate (a Replicated table stays read-only
// over ZooKeeper too: code 139, the address for other replicas is set by the
// main program of a server only) nor run ON CLUSTER (code 392). So statements ON
// CLUSTER are run on each node here, and each shard has one replica whose tables
// are not replicated; all else is the schema as a cluster has it.
package clustertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	localclick "errata/deploy/local/clickhouse"
	"errata/deploy/local/clickhousetest"
)

// Name of the cluster.
const Name = "prod"

// Node is one shard.
type Node struct {
	Server *localclick.Server
	conn   driver.Conn
	port   int
}

// Cluster is what a test works with.
type Cluster struct{ Nodes []*Node }

// Start runs that many shards until the end of the test.
func Start(t testing.TB, shards int) *Cluster {
	t.Helper()
	c := &Cluster{}
	var servers strings.Builder
	for range shards {
		n := &Node{port: freePort(t)}
		c.Nodes = append(c.Nodes, n)
		fmt.Fprintf(&servers, "<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>%d</port><user>errata</user><password>%s</password></replica></shard>",
			n.port, clickhousetest.Passwords["errata"])
	}
	errs := make([]error, shards)
	var starting sync.WaitGroup
	for i, n := range c.Nodes {
		cfg := clickhousetest.Config(t, t.TempDir())
		cfg.NativeAddr = n.Addr()
		cfg.MemoryBytes = 768 << 20
		if err := configure(cfg.Dir, i+1, servers.String()); err != nil {
			t.Fatal(err)
		}
		starting.Go(func() {
			if n.Server, errs[i] = localclick.Start(t.Context(), cfg); errs[i] == nil {
				n.conn, errs[i] = clickhouse.Open(&clickhouse.Options{Addr: []string{n.Addr()}, Settings: clickhouse.Settings{"async_insert": 0},
					Auth: clickhouse.Auth{Database: "default", Username: "errata", Password: clickhousetest.Passwords["errata"]}})
			}
		})
	}
	starting.Wait()
	t.Cleanup(func() { c.stop(t) })
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *Cluster) stop(t testing.TB) {
	for _, n := range c.Nodes {
		if n.conn != nil {
			_ = n.conn.Close()
		}
		if n.Server != nil {
			if err := n.Server.Stop(); err != nil {
				t.Error(err)
			}
		}
	}
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func configure(dir string, shard int, servers string) error {
	text := fmt.Sprintf("<clickhouse><macros><shard>%d</shard><replica>1</replica></macros><remote_servers><%s>%s</%s></remote_servers></clickhouse>",
		shard, Name, servers, Name)
	if err := os.MkdirAll(filepath.Join(dir, "config.d"), 0o700); err != nil {
		return fmt.Errorf("cannot write the settings of the cluster: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "config.d", "cluster.xml"), []byte(text), 0o600)
}

// Addr is host:port of the native protocol.
func (n *Node) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// Conn is the owner's connection to this node.
func (n *Node) Conn() driver.Conn { return n.conn }

// Conn is a connection to the first node that runs ON CLUSTER everywhere.
func (c *Cluster) Conn() driver.Conn { return everywhere{c.Nodes[0].conn, c} }

type everywhere struct {
	driver.Conn
	cluster *Cluster
}

var replicated = regexp.MustCompile(`Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?`)

// Exec runs a statement, on every node where it says ON CLUSTER.
func (e everywhere) Exec(ctx context.Context, query string, args ...any) error {
	local := strings.Replace(query, " ON CLUSTER "+Name, "", 1)
	if local == query {
		return e.Conn.Exec(ctx, query, args...)
	}
	local = replicated.ReplaceAllString(local, "$1(")
	local = strings.Replace(local, "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800", "non_replicated_deduplication_window = 10000", 1)
	for _, n := range e.cluster.Nodes {
		if err := n.conn.Exec(ctx, local, args...); err != nil {
			return fmt.Errorf("at %s: %w", n.Addr(), err)
		}
	}
	return nil
}

// Kill ends the node with SIGKILL; it starts again by itself.
func (n *Node) Kill() {
	if pid := n.Server.PID(); pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
