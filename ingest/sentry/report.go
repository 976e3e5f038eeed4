package sentry

import (
	"errors"
	"net/http"
	"strings"

	"errata/ingest/intake"
	"errata/ingest/node"
	"errata/ingest/sentry/item"
	"errata/ingest/sentry/limit"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// maxReports bounds the reports of one body.
const maxReports = 100

// securityTypes are the content types in which browsers send reports.
var securityTypes = map[string]bool{
	"application/json": true, "application/csp-report": true, "application/expect-ct-report": true, "application/expect-ct-report+json": true,
	"application/expect-staple-report": true, "application/reports+json": true,
}

// Security reads a browser's security reports: one or a list of them.
func Security(req *intake.Request, contentType string, body []byte) (*intake.Batch, Answer, error) {
	if err := reportType(contentType, securityTypes); err != nil {
		return nil, Answer{}, err
	}
	return reports(req, body, (*batch).security)
}

// NEL reads network error reports: one or a list of them.
func NEL(req *intake.Request, contentType string, body []byte) (*intake.Batch, Answer, error) {
	if err := reportType(contentType, nelTypes); err != nil {
		return nil, Answer{}, err
	}
	return reports(req, body, (*batch).nel)
}

// nelTypes are those of network error reports.
var nelTypes = map[string]bool{"application/json": true, "application/reports+json": true}

func reportType(contentType string, known map[string]bool) error {
	t, _, _ := strings.Cut(contentType, ";")
	if known[strings.ToLower(strings.TrimSpace(t))] {
		return nil
	}
	return &intake.Error{
		Status: http.StatusUnsupportedMediaType, Detail: "unsupported media type", Reason: "content_type",
		Causes: []string{"send reports as application/reports+json or application/json, those of a policy also as application/csp-report"},
	}
}

func reports(req *intake.Request, body []byte, read func(*batch, []byte)) (*intake.Batch, Answer, error) {
	if len(body) == 0 {
		return nil, Answer{}, errEmpty
	}
	if len(body) > limit.MaxEventBytes {
		return nil, Answer{}, limit.TooLarge("security", limit.MaxEventBytes)
	}
	b := batch{Batch: item.New(req, nil), items: 1}
	read(&b, body)
	for _, o := range b.Outcomes {
		// A browser sends all kinds of reports to one address: those that are not
		// kept are no error, and those that are none are one where nothing else came.
		if len(b.Events) == 0 && o.Outcome == schema.OutcomeInvalid {
			return nil, Answer{}, bad("invalid report", o.Reason, errors.New(o.Detail))
		}
	}
	return b.Batch.Batch, b.ids.answer(), nil
}

// security reads one report, or each of a list.
func (b *batch) security(body []byte) { b.eachReport(body, securityEvent) }

// nel reads one network error, or each of a list.
func (b *batch) nel(body []byte) {
	b.eachReport(body, nelEvent)
}

type reportReader func(v *node.Value, query func(string) string) ([]byte, error)

func (b *batch) eachReport(body []byte, read reportReader) {
	doc, err := tree.Parse(body)
	if err != nil {
		b.Invalid(schema.CategorySecurity, "invalid_json", err, uint64(len(body)), nil)
		return
	}
	defer doc.Release()
	list := []*node.Value{doc.Root}
	if doc.Root.Type() == node.TypeArray {
		list = doc.Root.GetArray()
	}
	for i, v := range list {
		if i == maxReports {
			n := uint64(len(list) - i)
			b.Accept(schema.CategorySecurity, n, 0)
			b.End(schema.CategorySecurity, schema.OutcomeTooLarge, "too_many_reports", "at most 100 reports a request", n, 0, nil)
			return
		}
		if kind := tree.Get(v, "type"); kind != "" && kind != "csp-violation" && kind != "network-error" && tree.Is(v.Get("body"), node.TypeObject) {
			b.Drop(schema.CategorySecurity, b.Reason("report_"+kind), 1, 0)
			continue
		}
		raw, err := read(v, func(k string) string { return query(b.Request, k) })
		if err != nil {
			b.Invalid(schema.CategorySecurity, "invalid_report", err, 0, nil)
			continue
		}
		ev, err := tree.Parse(raw)
		if err != nil {
			b.Invalid(schema.CategorySecurity, "invalid_report", err, 0, nil)
			continue
		}
		size := 0
		if i == 0 {
			size = len(body)
		}
		b.tree("event", ev, size)
		ev.Release()
		// Each further report is an event of its own.
		b.ids.fresh()
	}
}

// fresh makes the next event get a new id.
func (b *idBook) fresh() { b.more = true }

// securityEvent writes the event of one report.
func securityEvent(v *node.Value, query func(string) string) ([]byte, error) {
	if tree.Get(v, "type") == "network-error" && tree.Is(v.Get("body"), node.TypeObject) {
		return nelEvent(v, query)
	}
	kind, r := reportKind(v)
	if r == nil {
		return nil, errors.New("expected csp-report, expect-ct-report, expect-staple-report, known-pins or a report of the Reporting API")
	}
	w := eventWriter{b: []byte(`{"logger":"csp","platform":"other","user":{"ip_address":"{{auto}}"}`)}
	w.common(query)
	fields := snake(r)
	if d := directive(fields); kind == "csp" && d != nil {
		fields = append(fields, reportField{"effective_directive", d})
	}
	w.b = append(w.b, `,"`+kind+`":{`...)
	for i, f := range fields {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.b = append(tree.AppendString(w.b, f.key), ':')
		w.b = tree.Append(w.b, f.value)
	}
	w.b = append(w.b, '}')
	get := func(k string) string {
		for _, f := range fields {
			if f.key == k {
				return tree.Lenient(f.value)
			}
		}
		return ""
	}
	headers := [][2]string{}
	if s := get("referrer"); s != "" {
		headers = append(headers, [2]string{"Referer", s})
	}
	if s := tree.Get(v, "user_agent"); s != "" {
		headers = append(headers, [2]string{"User-Agent", s})
	}
	var tags [][2]string
	page := ""
	if kind == "csp" {
		page = get("document_uri")
		d := get("effective_directive")
		tags = [][2]string{{"effective-directive", d}, {"blocked-uri", get("blocked_uri")}}
	} else {
		page = get("hostname")
		tags = [][2]string{{"hostname", page}, {"port", get("port")}}
		for _, k := range []string{"include_subdomains", "response_status", "cert_status"} {
			tags = append(tags, [2]string{strings.Replace(k, "include_subdomains", "include-subdomains", 1), get(k)})
		}
	}
	w.request(page, headers)
	w.tags(tags)
	return append(w.b, '}'), nil
}

// reportKind finds the report in its wrapping.
func reportKind(v *node.Value) (string, *node.Value) {
	for key, kind := range map[string]string{"csp-report": "csp", "expect-ct-report": "expectct", "expect-staple-report": "expectstaple"} {
		if r := v.Get(key); tree.Is(r, node.TypeObject) {
			return kind, r
		}
	}
	if tree.Is(v, node.TypeObject) && v.Get("known-pins") != nil {
		return "hpkp", v
	}
	if r := v.Get("body"); tree.Is(r, node.TypeObject) && tree.Get(v, "type") == "csp-violation" {
		return "csp", r
	}
	return "", nil
}

// directive returns the effective directive of a report that names only the
// violated one, nil where there is nothing to add.
func directive(fields []reportField) *node.Value {
	violated := ""
	for _, f := range fields {
		switch f.key {
		case "effective_directive":
			return nil
		case "violated_directive":
			violated = tree.Text(f.value)
		}
	}
	d, _, _ := strings.Cut(violated, " ")
	if d == "" {
		return nil
	}
	var a node.Arena
	return a.NewString(d)
}

type reportField struct {
	key   string
	value *node.Value
}

// snake returns a report's fields with the names that Sentry stores.
func snake(r *node.Value) []reportField {
	var out []reportField
	r.GetObject().Visit(func(k []byte, v *node.Value) {
		if len(out) == 40 {
			return
		}
		var b strings.Builder
		switch s := string(k); s {
		case "documentURL":
			b.WriteString("document_uri")
		case "blockedURL":
			b.WriteString("blocked_uri")
		default:
			for i := 0; i < len(s) && i < 64; i++ {
				switch c := s[i]; {
				case c == '-':
					b.WriteByte('_')
				case c >= 'A' && c <= 'Z':
					b.WriteByte('_')
					b.WriteByte(c + 'a' - 'A')
				default:
					b.WriteByte(c)
				}
			}
		}
		out = append(out, reportField{b.String(), v})
	})
	return out
}

// nelEvent writes the event of one network error.
func nelEvent(v *node.Value, query func(string) string) ([]byte, error) {
	body := v.Get("body")
	if !tree.Is(body, node.TypeObject) || tree.Get(v, "type") != "network-error" {
		return nil, errors.New("expected a report of type network-error with a body")
	}
	w := eventWriter{b: []byte(`{"logger":"nel","platform":"other","user":{"ip_address":"{{auto}}"}`)}
	w.common(query)
	if ip := tree.Get(body, "server_ip"); ip != "" {
		w.b = append(w.b, `,"server_name":`...)
		w.b = tree.AppendString(w.b, ip)
	}
	w.b = append(w.b, `,"nel":`...)
	w.b = tree.Append(w.b, v)
	var headers [][2]string
	if s := tree.Get(body, "referrer"); s != "" {
		headers = append(headers, [2]string{"Referer", s})
	}
	if s := tree.Get(v, "user_agent"); s != "" {
		headers = append(headers, [2]string{"User-Agent", s})
	}
	w.request(tree.Get(v, "url"), headers)
	w.tags([][2]string{
		{"nel.phase", tree.Lenient(body.Get("phase"))}, {"nel.type", tree.Lenient(body.Get("type"))}, {"nel.protocol", tree.Lenient(body.Get("protocol"))},
		{"http.status_code", tree.Lenient(body.Get("status_code"))},
	})
	return append(w.b, '}'), nil
}

// eventWriter writes the JSON of an event that a report stands for.
type eventWriter struct{ b []byte }

func (w *eventWriter) field(k, v string) {
	if v == "" {
		return
	}
	w.b = append(tree.AppendString(append(w.b, ','), k), ':')
	w.b = tree.AppendString(w.b, v)
}

func (w *eventWriter) common(query func(string) string) {
	w.field("release", query("sentry_release"))
	w.field("environment", query("sentry_environment"))
}

func (w *eventWriter) request(url string, headers [][2]string) {
	w.b = append(w.b, `,"request":{"url":`...)
	w.b = tree.AppendString(w.b, url)
	w.b = append(w.b, `,"headers":{`...)
	w.pairs(headers)
	w.b = append(w.b, '}', '}')
}

func (w *eventWriter) tags(pairs [][2]string) {
	w.b = append(w.b, `,"tags":{`...)
	w.pairs(pairs)
	w.b = append(w.b, '}')
}

func (w *eventWriter) pairs(pairs [][2]string) {
	n := 0
	for _, p := range pairs {
		if p[1] == "" {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		n++
		w.b = append(tree.AppendString(w.b, p[0]), ':')
		w.b = tree.AppendString(w.b, p[1])
	}
}
