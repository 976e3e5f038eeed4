// Package host runs the packed plugin as Grafana does: the real program over
// gRPC, the built modules in a page with Grafana's own packages, and a real
// store with events of real clients under them.
package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// program is the plugin's process, spoken to as Grafana speaks to it.
type program struct {
	data        pluginv2.DataClient
	resources   pluginv2.ResourceClient
	streams     pluginv2.StreamClient
	diagnostics pluginv2.DiagnosticsClient
	settings    []backend.DataSourceInstanceSettings // One process serves all data sources, as in Grafana; the first is the default.
}

// raw gives the plain client of each part of the protocol.
type raw[T any] struct {
	goplugin.NetRPCUnsupportedPlugin
	client func(grpc.ClientConnInterface) T
}

func (raw[T]) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error { return nil }

func (r raw[T]) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return r.client(c), nil
}

func startProgram(t *testing.T, path string, settings ...backend.DataSourceInstanceSettings) *program {
	t.Helper()
	c := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: goplugin.HandshakeConfig{ProtocolVersion: grpcplugin.ProtocolVersion, MagicCookieKey: grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue},
		VersionedPlugins: map[int]goplugin.PluginSet{grpcplugin.ProtocolVersion: {
			"data":        raw[pluginv2.DataClient]{client: pluginv2.NewDataClient},
			"resource":    raw[pluginv2.ResourceClient]{client: pluginv2.NewResourceClient},
			"diagnostics": raw[pluginv2.DiagnosticsClient]{client: pluginv2.NewDiagnosticsClient},
			"stream":      raw[pluginv2.StreamClient]{client: pluginv2.NewStreamClient},
		}},
		Cmd: exec.Command(path), AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(c.Kill)
	conn, err := c.Client()
	require.NoError(t, err)
	get := func(name string) any {
		v, err := conn.Dispense(name)
		require.NoError(t, err)
		return v
	}
	return &program{
		data: get("data").(pluginv2.DataClient), resources: get("resource").(pluginv2.ResourceClient), streams: get("stream").(pluginv2.StreamClient),
		diagnostics: get("diagnostics").(pluginv2.DiagnosticsClient), settings: settings,
	}
}

// as is the context of a request by somebody of this role to a data source.
func (p *program) as(role, uid string) *pluginv2.PluginContext {
	of := &p.settings[0]
	for i := range p.settings {
		if p.settings[i].UID == uid {
			of = &p.settings[i]
		}
	}
	user := &backend.User{Login: strings.ToLower(role) + "@example.com", Name: role, Role: role}
	return backend.ToProto().PluginContext(backend.PluginContext{OrgID: 1, //nolint:staticcheck // Older versions of Grafana send it.
		PluginID: "errata-errors-datasource", User: user, DataSourceInstanceSettings: of})
}

func (p *program) health(ctx context.Context, uid string) (*pluginv2.CheckHealthResponse, error) {
	return p.diagnostics.CheckHealth(ctx, &pluginv2.CheckHealthRequest{PluginContext: p.as("Admin", uid)})
}

// bridge answers what the page asks of Grafana.
func (p *program) bridge(dist, page string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /p/", http.StripPrefix("/p/", http.FileServer(http.Dir(dist))))
	mux.Handle("GET /public/plugins/errata-errors-app/", http.StripPrefix("/public/plugins/errata-errors-app/", http.FileServer(http.Dir(dist))))
	mux.Handle("GET /host/", http.StripPrefix("/host/", http.FileServer(http.Dir(page))))
	mux.Handle("GET /public/build/img/", http.StripPrefix("/public/build/img/", http.FileServer(http.Dir(filepath.Join(page, "node_modules/@grafana/ui/dist/public/img"))))) // Icons.
	mux.HandleFunc("POST /api/ds/query", p.query)
	mux.HandleFunc("/api/datasources/uid/{uid}/resources/{path...}", p.resource)
	mux.HandleFunc("GET /api/live", p.live)
	mux.HandleFunc("GET /api/datasources/uid/{uid}/health", func(w http.ResponseWriter, r *http.Request) {
		h, err := p.health(r.Context(), r.PathValue("uid"))
		answer(w, map[string]any{"status": h.GetStatus().String(), "message": h.GetMessage()}, err)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		bundle := r.URL.Query().Get("bundle")
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Errata</title><base href="/"></head><body><div id="root"></div>
<script>window.grafanaBootData={user:{orgRole:'Editor'},settings:{buildInfo:{version:'13.2.2'},featureToggles:{}},navTree:[]};</script>
<script src="/host/dist/`+filepath.Base(bundle)+`.js"></script><script src="/host/node_modules/systemjs/dist/system.min.js"></script>
<script src="/host/node_modules/systemjs/dist/extras/amd.min.js"></script><script>initSystem()</script></body></html>`)
	})
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		v = map[string]string{"message": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func role(r *http.Request) string {
	if v := r.Header.Get("X-Test-Role"); v != "" {
		return v
	}
	return "Viewer"
}

func (p *program) query(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Queries  []json.RawMessage `json:"queries"`
		From, To string
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, nil, err)
		return
	}
	from, _ := strconv.ParseInt(body.From, 10, 64)
	to, _ := strconv.ParseInt(body.To, 10, 64)
	req, uid := &backend.QueryDataRequest{}, ""
	for _, q := range body.Queries {
		var head struct {
			RefID         string  `json:"refId"`
			MaxDataPoints int64   `json:"maxDataPoints"`
			IntervalMs    float64 `json:"intervalMs"`
			Datasource    struct {
				UID string `json:"uid"`
			} `json:"datasource"`
		}
		_ = json.Unmarshal(q, &head)
		uid = head.Datasource.UID
		req.Queries = append(req.Queries, backend.DataQuery{RefID: head.RefID, JSON: q, MaxDataPoints: head.MaxDataPoints, Interval: time.Duration(head.IntervalMs) * time.Millisecond,
			TimeRange: backend.TimeRange{From: time.UnixMilli(from), To: time.UnixMilli(to)}})
	}
	in := backend.ToProto().QueryDataRequest(req)
	in.PluginContext = p.as(role(r), uid)
	out, err := p.data.QueryData(r.Context(), in)
	if err != nil {
		answer(w, nil, err)
		return
	}
	res, err := backend.FromProto().QueryDataResponse(out)
	answer(w, res, err)
}

func (p *program) resource(w http.ResponseWriter, r *http.Request) {
	path := r.PathValue("path")
	url := path
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		answer(w, nil, err)
		return
	}
	headers := map[string]*pluginv2.StringList{}
	for k, v := range r.Header {
		headers[k] = &pluginv2.StringList{Values: v}
	}
	stream, err := p.resources.CallResource(r.Context(), &pluginv2.CallResourceRequest{PluginContext: p.as(role(r), r.PathValue("uid")), Path: path, Method: r.Method, Url: url, Headers: headers, Body: body})
	if err != nil {
		answer(w, nil, err)
		return
	}
	for first := true; ; first = false {
		part, err := stream.Recv()
		if err != nil {
			return
		}
		if first {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(int(part.GetCode()))
		}
		_, _ = w.Write(part.GetBody())
	}
}

// live hands a channel of the plugin to the page, as server-sent events where
// Grafana has a socket. It ends when the page leaves.
func (p *program) live(w http.ResponseWriter, r *http.Request) {
	path, query, as := r.URL.Query().Get("path"), []byte(r.URL.Query().Get("data")), p.as("Viewer", r.URL.Query().Get("uid"))
	sub, err := p.streams.SubscribeStream(r.Context(), &pluginv2.SubscribeStreamRequest{PluginContext: as, Path: path, Data: query})
	if err != nil || sub.GetStatus() != pluginv2.SubscribeStreamResponse_OK {
		answer(w, nil, fmt.Errorf("no such channel: %v %w", sub.GetStatus(), err))
		return
	}
	stream, err := p.streams.RunStream(r.Context(), &pluginv2.RunStreamRequest{PluginContext: as, Path: path, Data: query})
	if err != nil {
		answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		packet, err := stream.Recv()
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", packet.GetData())
		_ = http.NewResponseController(w).Flush()
	}
}

func serve(t *testing.T, p *program, dist, page string) string {
	t.Helper()
	s := httptest.NewServer(p.bridge(dist, page))
	t.Cleanup(s.Close)
	return s.URL
}
