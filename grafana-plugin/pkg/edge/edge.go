// Package edge asks the edges of a store when they last accepted something. In:
// their addresses. Out: a moment each, or why one cannot be asked. It reads
// their metrics and sends nothing else.
package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ErrAddress is returned for an address that no edge can have.
var ErrAddress = errors.New("wrong address of an edge")

// ErrEdge is returned for an edge that does not answer as one.
var ErrEdge = errors.New("the edge cannot be asked")

// Bounds of one question.
const (
	timeout  = 5 * time.Second
	maxBytes = 8 << 20
	maxEdges = 50
)

// lastAccepted is the metric of an edge that says it: ingest/metrics.go.
const lastAccepted = "errata_ingest_last_accepted_timestamp_seconds"

// Addresses reads a list with commas between: host:port, or a URL without a
// path, one for each edge.
func Addresses(list string) ([]string, error) {
	var out []string
	for a := range strings.SplitSeq(list, ",") {
		a = strings.TrimSuffix(strings.TrimSpace(a), "/")
		if a == "" {
			continue
		}
		full := a
		if !strings.Contains(a, "://") {
			full = "http://" + a
		}
		u, err := url.Parse(full)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path+u.RawQuery+u.Fragment != "" {
			return nil, fmt.Errorf("%w: %.60q must be host:port or http(s)://host:port of the edge, with commas between several", ErrAddress, a)
		}
		out = append(out, full)
	}
	if len(out) > maxEdges {
		return nil, fmt.Errorf("%w: there are %d edges, the limit is %d", ErrAddress, len(out), maxEdges)
	}
	return out, nil
}

// Client asks edges.
type Client struct{ http *http.Client }

// New makes a client.
func New() (*Client, error) {
	c, err := httpclient.New(httpclient.Options{Timeouts: &httpclient.TimeoutOptions{Timeout: timeout, DialTimeout: timeout, TLSHandshakeTimeout: timeout, MaxIdleConns: 4, IdleConnTimeout: time.Minute}})
	if err != nil {
		return nil, fmt.Errorf("cannot make a client for edges: %w", err)
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // An edge sends nobody elsewhere.
	return &Client{c}, nil
}

// LastAccepted is when the edge at this address last accepted something; zero
// where it has not since it began.
func (c *Client) LastAccepted(ctx context.Context, address string) (time.Time, error) {
	fail := func(form string, args ...any) (time.Time, error) {
		return time.Time{}, fmt.Errorf("%w: %s: %w", ErrEdge, address, fmt.Errorf(form, args...))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/metrics", nil)
	if err != nil {
		return fail("%w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fail("nothing answers: %w", errors.Unwrap(err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fail("/metrics answers %s", res.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(res.Body, maxBytes))
	if err != nil {
		return fail("/metrics cannot be read: %w", err)
	}
	family := families[lastAccepted]
	if family == nil || len(family.GetMetric()) == 0 {
		return fail("/metrics has no %s: this is no edge, or one of an older version", lastAccepted)
	}
	seconds := family.GetMetric()[0].GetGauge().GetValue()
	if !(seconds > 0 && seconds < 1e11) {
		return time.Time{}, nil
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), nil
}
