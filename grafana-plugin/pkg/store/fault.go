package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"errata/grafana-plugin/pkg/ask"
	"errata/grafana-plugin/pkg/edge"
	"errata/queries"
	"errata/queries/catalog"
)

// Fault is an error for a person: one sentence with the next step, a status,
// and whose fault it is. Downstream is the store's or the asker's, plugin is
// ours.
type Fault struct {
	Status   int
	Source   backend.ErrorSource
	Sentence string
}

// Fault says what went wrong with err.
func (s *Store) Fault(err error) Fault {
	down := func(status int, form string, args ...any) Fault {
		return Fault{Status: status, Source: backend.ErrorSourceDownstream, Sentence: fmt.Sprintf(form, args...)}
	}
	var server *clickhouse.Exception
	var unknown *net.DNSError
	var refused *net.OpError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var shapeless *column.UnsupportedColumnTypeError
	switch {
	case errors.Is(err, edge.ErrEdge):
		return down(http.StatusBadGateway, "%s. Is it running, and is its address in the settings of the data source right?", strings.TrimRight(sentence(err.Error()), "."))
	case errors.Is(err, ErrTimeout):
		return down(http.StatusGatewayTimeout, "The query took longer than %d seconds. Narrow the time range, or name a project.", s.settings.TimeoutSeconds)
	case errors.Is(err, ErrSettings), errors.Is(err, ErrTriageOff), errors.Is(err, ask.ErrQuery), errors.Is(err, catalog.ErrParam), errors.Is(err, queries.ErrTriage), errors.Is(err, ErrNotFound):
		status := http.StatusBadRequest
		if errors.Is(err, ErrNotFound) {
			status = http.StatusNotFound
		}
		return down(status, "%s", sentence(err.Error()))
	case errors.As(err, &server):
		return s.serverFault(server, down)
	case errors.As(err, &shapeless):
		return down(http.StatusBadRequest, "A panel cannot show a column like that: %s. Take finalizeAggregation(column) of a state, or toString(column), or leave it out.", short(shapeless.Error()))
	case errors.Is(err, context.Canceled):
		return down(499, "The query was cancelled.")
	case errors.Is(err, context.DeadlineExceeded):
		return down(http.StatusGatewayTimeout, "ClickHouse at %s did not answer in time. Is the store running, and does a firewall let this address through?", s.settings.Address)
	case errors.As(err, &unknown):
		return down(http.StatusBadGateway, "There is no host %q. Correct the ClickHouse address in the settings of the data source.", unknown.Name)
	case errors.As(err, &certificate), errors.As(err, &authority):
		return down(http.StatusBadGateway, "The certificate of %s is not trusted. Give the CA certificate in the settings of the data source.", s.settings.Address)
	case errors.As(err, &refused), strings.Contains(err.Error(), "connection refused"), strings.Contains(err.Error(), "EOF"):
		return down(http.StatusBadGateway, "Nothing answers as ClickHouse at %s. Is the store running, and is this the port of the native protocol?", s.settings.Address)
	case strings.Contains(err.Error(), "acquire conn timeout"):
		return down(http.StatusTooManyRequests, "Too many queries wait for the store. Try again, or draw fewer panels at once.")
	case strings.Contains(err.Error(), "rows came: add a LIMIT"):
		return down(http.StatusBadRequest, "The answer is too large. Add a LIMIT.")
	}
	return Fault{Status: http.StatusInternalServerError, Source: backend.ErrorSourcePlugin, Sentence: sentence(err.Error())}
}

// ErrNotFound is returned for an issue or event that is not there.
var ErrNotFound = errors.New("not found")

// Codes of ClickHouse that people meet.
const (
	tooManyRows, tooSlow, timedOut, tooManyBytes, tooManyRowsOrBytes = 158, 160, 159, 307, 396
	memoryLimit, tooManyQueries, wrongPassword, unknownUser, denied  = 241, 202, 516, 192, 497
	syntax, noTable, noDatabase, readOnly, noColumn, quota           = 62, 60, 81, 164, 47, 201
	cancelled                                                        = 394
)

func (s *Store) serverFault(e *clickhouse.Exception, down func(int, string, ...any) Fault) Fault {
	switch e.Code {
	case wrongPassword, unknownUser:
		return down(http.StatusUnauthorized, "ClickHouse refuses the user or the password. The passwords of a store are in secrets.json in its data folder.")
	case denied, readOnly:
		return down(http.StatusForbidden, "The data source may only read: %s", short(e.Message))
	case timedOut, tooSlow:
		return down(http.StatusGatewayTimeout, "The query took longer than %d seconds. Narrow the time range, or name a project.", s.settings.TimeoutSeconds)
	case memoryLimit:
		return down(http.StatusBadRequest, "The query needs more memory than a reader may use. Narrow the time range or group by fewer values.")
	case tooManyRows, tooManyBytes, tooManyRowsOrBytes:
		return down(http.StatusBadRequest, "The query reads or gives more than a reader may. Narrow the time range or add a LIMIT.")
	case tooManyQueries, quota:
		return down(http.StatusTooManyRequests, "The store answers too many queries at once. Try again in a moment.")
	case noTable, noDatabase:
		return down(http.StatusBadRequest, "%s. Is the database right, and does `errata migrate` say that the schema is current?", short(e.Message))
	case cancelled:
		return down(499, "The query was cancelled.")
	case syntax, noColumn:
	}
	return down(http.StatusBadRequest, "ClickHouse says: %s", short(e.Message))
}

// short is the first sentence or so of what ClickHouse says.
func short(s string) string {
	for _, cut := range []string{" Stack trace:", ": While ", ": while ", "(version "} {
		if i := strings.Index(s, cut); i > 0 {
			s = s[:i]
		}
	}
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "..."
	}
	return strings.TrimRight(strings.TrimSpace(s), ".")
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return "The request failed."
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
