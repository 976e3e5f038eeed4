package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"errata/queries/projects"
)

// waitReady asks the edge until it would take traffic.
func (p *parts) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var last error
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(p.edge.Addr())+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("cannot ask the edge: %w", err)
		}
		resp, err := client.Do(req)
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK || p.broker.Full() != "" { // A full store starts, to get rid of what fills it.
				return nil
			}
			err = fmt.Errorf("answer %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot start the edge: it is not ready: %w", errors.Join(last, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// addresses are where the parts listen, and who they are.
func (p *parts) addresses() Addresses {
	return Addresses{
		DSN:     projects.DSN("http", reachable(p.edge.Addr()), p.project.ID, p.key.Public),
		Project: p.project.ID, HTTP: reachable(p.edge.Addr()),
		OTLPHTTP: reachable(p.edge.OTLPAddr()), OTLPGRPC: reachable(p.edge.GRPCAddr()),
		ClickHouse: p.clickhouse.Addr(), ClickHouseHTTP: p.clickhouse.HTTPAddr(), Broker: p.broker.Addr(),
		Pids: map[string]int{"errata": os.Getpid(), "clickhouse": p.clickhouse.PID()}, Data: p.cfg.Data,
	}
}

// writeAddresses writes them where they are not those of the last time.
func (p *parts) writeAddresses() error {
	a := p.addresses()
	child := a.Pids["clickhouse"]
	if child == 0 || child == p.child {
		return nil // Between two of its lives the last one is named on.
	}
	for _, file := range p.addressFiles() {
		if err := writeJSON(file, a); err != nil {
			return err
		}
	}
	p.child = child
	return nil
}

// announce writes the addresses and prints them for a person.
func (p *parts) announce(took time.Duration) error {
	if err := p.writeAddresses(); err != nil {
		return err
	}
	a := p.addresses()
	_, err := fmt.Fprintf(p.cfg.Out, `Errata is ready (%.1f s).

  Sentry DSN        %s
  OTLP/HTTP         http://%s        OTLP/gRPC  %s
  ClickHouse        %s (native), http://%s
                    user reader, password %s (read only)
  Data              %s

Next: set SENTRY_DSN or OTEL_EXPORTER_OTLP_ENDPOINT in your application, let it crash, then
  %s issue list%s
Ctrl-C stops the store; nothing that was accepted is lost.
`, took.Seconds(), a.DSN, a.OTLPHTTP, a.OTLPGRPC, a.ClickHouse, a.ClickHouseHTTP, p.secrets.Reader, a.Data, cmp.Or(p.cfg.Program, "errata"), p.dataFlag())
	if err != nil {
		return fmt.Errorf("cannot print the addresses: %w", err)
	}
	return nil
}

// dataFlag is what other commands need to find a store that is not where they
// look first.
func (p *parts) dataFlag() string {
	if usual, err := filepath.Abs("errata-data"); err == nil && usual == p.cfg.Data {
		return ""
	}
	return " --data " + p.cfg.Data
}
