// Package kafkatest gives a test a real Apache Kafka: one KRaft node from the
// project's released jars on free loopback ports. A test comes in; the address
// of an empty broker goes out. It never leaves a process behind.
package kafkatest

import (
	"context"
	_ "embed" // Files of the broker.
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/segmentio/kafka-go"
)

//go:embed pom.xml
var pom []byte

//go:embed log4j2.properties
var logging []byte

//go:embed server.properties.tmpl
var properties string

const clusterID = "MkU3OEVBNTcwNTJENDM2Qg"

// Broker is a running node.
type Broker struct {
	Addr string
	dir  string
	libs string
	cmd  *exec.Cmd
}

// Start runs a node until the end of the test. Without Java or Maven the test
// is skipped, or fails where CI=true. The jars (44 MB) are fetched once.
func Start(t testing.TB) *Broker {
	t.Helper()
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Fatalf("a real Apache Kafka needs %s: %v", tool, err)
		} else if err != nil {
			t.Skipf("a real Apache Kafka needs %s: %v", tool, err)
		}
	}
	libs, err := fetch()
	if err != nil {
		t.Fatal(err)
	}
	b := &Broker{dir: t.TempDir(), libs: libs}
	if err := b.format(); err != nil {
		t.Fatal(err)
	}
	b.Run(t)
	t.Cleanup(func() { b.Stop(t) })
	return b
}

// Run starts the node, again on the same address after Stop or Kill.
func (b *Broker) Run(t testing.TB) {
	t.Helper()
	output, err := os.OpenFile(filepath.Join(b.dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = output.Close() }()
	b.cmd = b.java("-Xmx384m", "-Xms128m", "kafka.Kafka", filepath.Join(b.dir, "server.properties"))
	b.cmd.Stdout, b.cmd.Stderr = output, output
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for !b.answers(t.Context()) {
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(b.dir, "server.log"))
			b.Kill()
			t.Fatalf("Kafka does not answer: %s", log[max(0, len(log)-2000):])
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// answers says whether the node is up and can make topics.
func (b *Broker) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(b.Addr), Transport: &kafka.Transport{IdleTimeout: time.Second}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	resp, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	return err == nil && len(resp.Brokers) == 1
}

// Stop ends the node in order and kills it when it does not end.
func (b *Broker) Stop(t testing.TB) {
	if b.cmd == nil {
		return
	}
	ended := make(chan struct{})
	cmd := b.cmd
	b.cmd = nil
	go func() { _ = cmd.Wait(); close(ended) }()
	_ = cmd.Process.Signal(os.Interrupt)
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Log("Kafka does not end, killing it")
		_ = cmd.Process.Kill()
		<-ended
	}
}

// Kill ends the node with SIGKILL.
func (b *Broker) Kill() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.cmd = nil
}

func (b *Broker) format() error {
	port, controller, err := twoPorts()
	if err != nil {
		return err
	}
	b.Addr = fmt.Sprintf("127.0.0.1:%d", port)
	var text strings.Builder
	t, err := template.New("").Parse(properties)
	if err != nil {
		return fmt.Errorf("cannot parse the settings of Kafka: %w", err)
	}
	if err := t.Execute(&text, map[string]any{"Port": port, "ControllerPort": controller, "Dir": b.dir}); err != nil {
		return fmt.Errorf("cannot fill the settings of Kafka: %w", err)
	}
	file := filepath.Join(b.dir, "server.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("cannot write the settings of Kafka: %w", err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "log4j2.properties"), logging, 0o600); err != nil {
		return fmt.Errorf("cannot write the settings of Kafka: %w", err)
	}
	if out, err := b.java("-Xmx128m", "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", file).CombinedOutput(); err != nil {
		return fmt.Errorf("cannot format the folder of Kafka: %w: %s", err, out)
	}
	return nil
}

func (b *Broker) java(args ...string) *exec.Cmd {
	cmd := exec.Command("java", append([]string{"-cp", b.dir + ":" + b.libs + "/*"}, args...)...)
	cmd.Dir = b.dir
	dieWithParent(cmd)
	return cmd
}

func twoPorts() (a, b int, err error) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	defer func() { _ = first.Close() }()
	second, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, fmt.Errorf("cannot find a free port: %w", err)
	}
	defer func() { _ = second.Close() }()
	return first.Addr().(*net.TCPAddr).Port, second.Addr().(*net.TCPAddr).Port, nil
}

// fetch puts the jars into .cache/kafka of the module, once per pinned version.
var fetch = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".cache", "kafka")
	libs, stamp := filepath.Join(dir, "libs"), filepath.Join(dir, "pom.xml")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == string(pom) {
		return libs, nil
	}
	// Several test processes may fetch at once: each fills a folder of its own
	// and the first to finish puts it into place.
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot make a folder for Kafka: %w", err)
	}
	draft, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return "", fmt.Errorf("cannot make a folder for Kafka: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := os.WriteFile(filepath.Join(draft, "pom.xml"), pom, 0o600); err != nil {
		return "", fmt.Errorf("cannot write the list of Kafka's jars: %w", err)
	}
	cmd := exec.Command("mvn", "-q", "-B", "-f", filepath.Join(draft, "pom.xml"), "dependency:copy-dependencies",
		"-DoutputDirectory="+filepath.Join(draft, "libs"), "-DincludeScope=runtime")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot fetch Kafka: %w: %s", err, out)
	}
	_ = os.RemoveAll(libs)
	if err := os.Rename(filepath.Join(draft, "libs"), libs); err != nil {
		return "", fmt.Errorf("cannot place Kafka's jars: %w", err)
	}
	return libs, os.WriteFile(stamp, pom, 0o600)
})

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the module: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("cannot find go.mod above the working directory")
		}
	}
}
