package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

func (s *store) newProject(t *testing.T, slug string) (id, key string) {
	t.Helper()
	var created []map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.tool(t, "project", "create", slug, "--json")), &created))
	_, key, id = dsnParts(t, created[0]["dsn"].(string))
	return id, key
}

// replay sends the requests of a scenario with another key and project, and
// waits until the consumer has stored them all.
func (s *store) replay(t *testing.T, dir, project, key string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.request.json"))
	require.NoError(t, err)
	slices.Sort(files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var r request
		require.NoError(t, json.Unmarshal(raw, &r))
		if r.Answered != nil {
			continue // The capturing server refused it on purpose.
		}
		body, err := os.ReadFile(strings.TrimSuffix(file, ".request.json") + ".body")
		require.NoError(t, err)
		if r.GRPC {
			s.replayGRPC(t, r.Path, key, body)
			continue
		}
		s.replayHTTP(t, filepath.Base(file), r, project, key, body)
	}
	s.drained(t)
}

func (s *store) replayHTTP(t *testing.T, name string, r request, project, key string, body []byte) {
	t.Helper()
	swap := strings.NewReplacer(capturedKey, key, "/api/1/", "/api/"+project+"/", "127.0.0.1:9800/1", s.HTTP+"/"+project)
	base := "http://" + s.HTTP
	if strings.HasPrefix(r.Path, "/v1/") {
		base = "http://" + s.OTLPHTTP
	}
	encoded := slices.ContainsFunc(r.Headers, func(h [2]string) bool { return strings.EqualFold(h[0], "Content-Encoding") })
	if head, rest, found := bytes.Cut(body, []byte("\n")); found && !encoded && strings.Contains(r.Path, "/envelope/") {
		body = slices.Concat([]byte(swap.Replace(string(head))), []byte("\n"), rest) // The DSN in an envelope's header.
	}
	var status int
	var answer []byte
	// A new key is known to the edge within seconds.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		status, answer = s.send(t, r, base+swap.Replace(r.RawTarget), key, swap, body)
		if status != http.StatusForbidden || time.Now().After(deadline) {
			break
		}
	}
	require.Equal(t, http.StatusOK, status, "%s: %s", name, answer)
}

func (s *store) send(t *testing.T, r request, target, key string, swap *strings.Replacer, body []byte) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, target, bytes.NewReader(body))
	require.NoError(t, err)
	for _, h := range r.Headers {
		switch strings.ToLower(h[0]) {
		case "host", "content-length", "transfer-encoding", "connection":
		default:
			req.Header.Add(h[0], swap.Replace(h[1]))
		}
	}
	if strings.HasPrefix(r.Path, "/v1/") {
		req.Header.Set("X-Errata-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	answer, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	_ = resp.Body.Close()
	return resp.StatusCode, answer
}

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }
func (rawCodec) Name() string                       { return "proto" }

func (s *store) replayGRPC(t *testing.T, method, key string, body []byte) {
	t.Helper()
	conn, err := grpc.NewClient(s.OTLPGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	var answer []byte
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-errata-key", key)
	require.Eventually(t, func() bool {
		err = conn.Invoke(ctx, method, &body, &answer, grpc.ForceCodec(rawCodec{}))
		return err == nil
	}, time.Minute, 100*time.Millisecond)
}
