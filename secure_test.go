package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"errata/deploy/local/clickhousetest"
	"errata/queries"
	"errata/queries/projects"
)

// A whole cluster whose Kafka wants TLS and a login, and whose ClickHouse wants
// TLS: the parts find each other by the flags alone, and an event becomes a row.
func TestSecureCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, ca := signed(t, dir)
	server := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "errata", "of kafka"), kfake.Superuser("PLAIN", "errata", "of kafka"))
	require.NoError(t, err)
	t.Cleanup(broker.Close)
	clickhouse := behindTLS(t, server, clickhousetest.Start(t).Addr())
	flags := func(more ...string) []string {
		return append([]string{"--kafka", broker.ListenAddrs()[0], "--kafka-ca", ca, "--kafka-user", "errata", "--kafka-password", "of kafka",
			"--clickhouse", clickhouse, "--clickhouse-ca", ca, "--password", clickhousetest.Passwords["errata"]}, more...)
	}

	var migrate migrateCmd
	flagged(t, &migrate, flags("--topics", "--partitions", "1", "--replication", "1")...)
	require.NoError(t, migrate.Run(t.Context()))
	var sql sqlCmd
	flagged(t, &sql, flags("SELECT 1")...)
	owner, err := sql.Open(t.Context(), "errata")
	require.NoError(t, err)
	defer owner.Close()
	p, key, err := projects.Ensure(t.Context(), owner.Conn(), "shop", "")
	require.NoError(t, err)

	var ingest ingestCmd
	flagged(t, &ingest, flags("--http", "127.0.0.1:0", "--otlp-http", "", "--otlp-grpc", "", "--state", filepath.Join(dir, "edge"), "--spool-mib=-1")...)
	edge, err := ingest.edge()
	require.NoError(t, err)
	require.NoError(t, edge.Start(t.Context()))
	defer func() { require.NoError(t, edge.Stop(context.WithoutCancel(t.Context()))) }()
	ctx, stop := context.WithCancel(t.Context())
	var consume consumeCmd
	flagged(t, &consume, flags("--metrics", "")...)
	done := make(chan error, 1)
	go func() { done <- consume.Run(ctx) }()

	post := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+edge.Addr()+"/api/"+big.NewInt(int64(p.ID)).String()+"/store/?sentry_key="+key.Public,
			strings.NewReader(`{"event_id":"aaaaaaaaaaaa4aaaaaaaaaaaaaaaaaaa","message":"over TLS"}`))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Eventually(t, func() bool { return post() == http.StatusOK }, time.Minute, 200*time.Millisecond)
	require.Eventually(t, func() bool {
		r, err := owner.SQL(t.Context(), "SELECT title FROM errata.events")
		return err == nil && len(r.Rows) == 1
	}, time.Minute, 200*time.Millisecond)

	var doctor doctorCmd
	flagged(t, &doctor, flags("--edge", edge.Addr(), "--json")...)
	require.NoError(t, doctor.Run(t.Context()))
	stop()
	require.NoError(t, <-done)

	// What is wrong is said, and nothing hangs.
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"wrong password":      {[]string{"--kafka-password", "guessed"}, "check --kafka-user"},
		"no login":            {[]string{"--kafka-user", "", "--kafka-password", ""}, "check --kafka-user"},
		"another mechanism":   {[]string{"--kafka-mechanism", "plain"}, ""},
		"a mechanism unknown": {[]string{"--kafka-mechanism", "scram-sha-256"}, "check --kafka-user"},
		"no TLS":              {[]string{"--kafka-ca", ""}, "check --kafka-tls"},
	} {
		t.Run(name, func(t *testing.T) {
			var m migrateCmd
			flagged(t, &m, append(flags("--topics", "--partitions", "1", "--replication", "1"), c.flags...)...)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := m.Run(ctx); c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
	_, err = queries.Open(t.Context(), queries.Config{Addr: clickhouse, User: "errata", Password: clickhousetest.Passwords["errata"], TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	require.ErrorContains(t, err, "unknown authority")
}

// Flags that do not suit each other are refused before anything is asked.
func TestSecureFlagsRefuse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(text, []byte("no certificate"), 0o600))
	for name, c := range map[string]struct {
		flags []string
		want  string
	}{
		"certificate without key": {[]string{"--kafka-cert", text}, "--kafka-cert and --kafka-key go together"},
		"no certificate":          {[]string{"--kafka-ca", text}, "holds no certificate in PEM form"},
		"no file":                 {[]string{"--kafka-ca", filepath.Join(dir, "none")}, "cannot read --kafka-ca"},
		"user without password":   {[]string{"--kafka-user", "errata"}, "go together"},
		"password without user":   {[]string{"--kafka-password-file", text}, "go together"},
		"no ClickHouse CA":        {[]string{"--clickhouse-ca", text}, "holds no certificate in PEM form"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var consume consumeCmd
			flagged(t, &consume, append([]string{"--kafka", "127.0.0.1:1", "--clickhouse", "127.0.0.1:1"}, c.flags...)...)
			require.ErrorContains(t, consume.Run(t.Context()), c.want)
		})
	}
}

func flagged(t *testing.T, command any, args ...string) {
	t.Helper()
	p, err := kong.New(command)
	require.NoError(t, err)
	_, err = p.Parse(args)
	require.NoError(t, err)
}

// signed is a certificate of this machine, and the file of who signed it.
func signed(t *testing.T, dir string) (certificate tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	own := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "errata test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, own, own, &key.PublicKey, key)
	require.NoError(t, err)
	file = filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// behindTLS is an address that speaks TLS and hands on to another.
func behindTLS(t *testing.T, c *tls.Config, to string) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return l.Addr().String()
}
