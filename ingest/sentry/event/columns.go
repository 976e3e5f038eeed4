package event

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"errata/ingest/node"
	"errata/ingest/sentry/payload"
	"errata/ingest/sentry/shape"
	"errata/ingest/sentry/tree"
	"errata/schema"
)

// columns fills what can be asked for. Strings still alias the tree.
func (r *reader) columns(ev *schema.Event) {
	f := &r.f
	ev.Platform = platform(tree.Text(f.Get(shape.Platform)))
	ev.Logger = r.short(shape.Logger, 64)
	ev.ServerName = r.short(shape.ServerName, 256)
	ev.Transaction = r.short(shape.Transaction, schema.MaxTransaction)
	ev.Dist = strings.TrimSpace(r.short(shape.Dist, schema.MaxDist))
	ev.SdkName, ev.SdkVersion = tree.Get(f.Get(shape.SDK), "name"), tree.Get(f.Get(shape.SDK), "version")
	if ev.SdkName == "" && r.in.Header != nil {
		ev.SdkName, ev.SdkVersion = r.in.Header.SDKName, r.in.Header.SDKVersion
	}
	if ev.SdkName == "" {
		// The auth header names the client as name/version.
		ev.SdkName, ev.SdkVersion, _ = strings.Cut(r.in.Request.Client, "/")
	}
	ev.SdkName, ev.SdkVersion = tree.Cut(ev.SdkName, 128), tree.Cut(ev.SdkVersion, 64)
	r.readTags()
	ev.Tags = r.tagRows()
	ev.Release = r.releaseName()
	ev.Environment = r.environment()
	r.user(ev)
	r.request(ev)
	r.contexts(ev)
	r.task(ev)
}

// short returns a scalar attribute, cut to max characters.
func (r *reader) short(i shape.Field, max int) string {
	v := r.f.Get(i)
	if v == nil {
		return ""
	}
	s, ok := tree.Scalar(v)
	if !ok {
		r.f.Invalid(i.Name(), "expected text", v)
		return ""
	}
	s, _ = tree.CutChars(s, max)
	return s
}

// releaseName returns the event's release, or that of its trace.
func (r *reader) releaseName() string {
	s := strings.TrimSpace(r.short(shape.Release, schema.MaxRelease+50))
	if s == "" && r.in.Header != nil {
		s = r.in.Header.Trace.Release
	}
	if s == "" {
		return ""
	}
	if !ValidRelease(s) {
		r.f.Invalid("release", "a release has at most 200 characters, no newline, tab or slash, and is not '.', '..' or 'latest'", r.f.Get(shape.Release))
		return ""
	}
	return s
}

// ValidRelease checks a release's name by Sentry's rules.
func ValidRelease(s string) bool {
	return s != "" && len(s) <= 4*schema.MaxRelease && utf8.RuneCountInString(s) <= schema.MaxRelease && !strings.ContainsAny(s, "\n\r\t\f\\/") && s != "." && s != ".." && !strings.EqualFold(s, "latest")
}

// ValidEnvironment checks an environment's name by Sentry's rules.
func ValidEnvironment(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= schema.MaxEnvironment && !strings.ContainsAny(s, "\n\r\t\f/") && s != "." && s != ".." && !strings.EqualFold(s, "none")
}

func (r *reader) environment() string {
	s := strings.TrimSpace(r.short(shape.Environment, schema.MaxEnvironment+10))
	if s == "" {
		s = strings.TrimSpace(r.tag("environment"))
	}
	if s == "" && r.in.Header != nil {
		s = r.in.Header.Trace.Environment
	}
	if s == "" {
		return ""
	}
	if !ValidEnvironment(s) {
		r.f.Invalid("environment", "an environment has at most 64 characters, no newline, tab or slash, and is not 'none'", r.f.Get(shape.Environment))
		return ""
	}
	return s
}

func (r *reader) user(ev *schema.Event) {
	u := r.f.Get(shape.User)
	if u == nil {
		return
	}
	get := func(key string, max int) string {
		s, _ := tree.Scalar(u.Get(key))
		s, _ = tree.CutChars(s, max)
		return s
	}
	ev.UserId, ev.UserName = get("id", 128), get("username", 128)
	ev.UserEmail = get("email", 75)
	name := ev.UserName
	if ev.UserName == "" {
		ev.UserName = get("name", 128)
	}
	if ip := get("ip_address", 64); ip != "" {
		if a, err := netip.ParseAddr(ip); err == nil {
			ev.UserIp = a.Unmap().WithZone("").String() // As OTLP's is written: users are counted by it.
		} else if !strings.HasPrefix(ip, "[") { // Scrubbing writes brackets.
			r.f.Invalid("user.ip_address", "expected an address", u.Get("ip_address"))
		}
	}
	ev.Country = tree.Cut(tree.Get(u.Get("geo"), "country_code"), 8)
	ev.UserHash = schema.UserHash(ev.UserId, name, ev.UserEmail, ev.UserIp)
}

func (r *reader) request(ev *schema.Event) {
	q := r.f.Get(shape.Request)
	if q == nil {
		return
	}
	ev.HttpMethod = strings.ToUpper(tree.Cut(tree.Get(q, "method"), 32))
	u := tree.Get(q, "url")
	r.group.RequestURL = u
	// Query and fragment are kept in the payload only.
	if i := strings.IndexAny(u, "?#"); i >= 0 {
		u = u[:i]
	}
	ev.Url, _ = tree.CutChars(u, schema.MaxURL)
}

func (r *reader) contexts(ev *schema.Event) {
	c := r.f.Get(shape.Contexts)
	if t := c.Get("trace"); t != nil {
		ev.TraceId, ev.SpanId = HexID(tree.Get(t, "trace_id"), 32), HexID(tree.Get(t, "span_id"), 16)
		if ev.TraceId == "" && !tree.Null(t.Get("trace_id")) {
			r.f.Invalid("contexts.trace.trace_id", "expected 32 hex digits", t.Get("trace_id"))
		}
		if n, ok := tree.Uint(t.Get("data", "http.response.status_code")); ok && n < 1000 {
			ev.HttpStatus = uint32(n)
		}
		ev.TraceSampled = tree.Is(t.Get("sampled"), node.TypeTrue)
	}
	if h := r.in.Header; h != nil {
		if ev.TraceId == "" {
			ev.TraceId = HexID(h.Trace.TraceID, 32)
		}
		if h.Trace.Sampled == "true" {
			ev.TraceSampled = true
		}
		ev.ReplayId = HexID(h.Trace.ReplayID, 32)
	}
	if n, ok := tree.Uint(c.Get("response", "status_code")); ok && n < 1000 {
		ev.HttpStatus = uint32(n)
	}
	if ev.HttpStatus == 0 {
		if n, ok := digits(r.tag("http.status_code")); ok && n < 1000 {
			ev.HttpStatus = n
		}
	}
	if id := HexID(tree.Get(c.Get("replay"), "replay_id"), 32); id != "" {
		ev.ReplayId = id
	}
	ev.Service = r.tag("service")
	if s := tree.Get(c.Get("otel", "resource"), "service.name"); s != "" {
		ev.Service = tree.Cut(s, schema.MaxTagValue)
	}
}

// Kinds of hex digits.
const (
	hexZero = 1 << iota
	hexOther
	hexUpper
)

var hexKinds = func() (t [256]uint8) {
	for c := '1'; c <= '9'; c++ {
		t[c] = hexOther
	}
	for c := 'a'; c <= 'f'; c++ {
		t[c], t[c-'a'+'A'] = hexOther, hexUpper
	}
	t['0'] = hexZero
	return
}()

// HexID returns a lower hex id of n digits, its dashes cut; anything else and
// all zeros are empty.
func HexID(s string, n int) string {
	if len(s) != n {
		if n != 32 || len(s) != 36 {
			return ""
		}
		s = strings.ReplaceAll(s, "-", "")
		if len(s) != n {
			return ""
		}
	}
	var all uint8
	for i := range len(s) {
		kind := hexKinds[s[i]]
		if kind == 0 {
			return ""
		}
		all |= kind
	}
	switch {
	case all == hexZero:
		return ""
	case all&hexUpper == 0:
		return s
	}
	return strings.ToLower(s)
}

// task reads the job that a worker ran: Celery, ARQ and those like them.
func (r *reader) task(ev *schema.Event) {
	x := r.f.Get(shape.Extra)
	set := func(job *node.Value, name, id, retries string) {
		if !tree.Is(job, node.TypeObject) {
			return
		}
		if s, ok := tree.Scalar(job.Get(name)); ok && s != "" {
			ev.TaskName = tree.Cut(s, schema.MaxTransaction)
		}
		if s, ok := tree.Scalar(job.Get(id)); ok && s != "" {
			ev.TaskId = tree.Cut(s, schema.MaxTagValue)
		}
		if n, ok := tree.Uint(job.Get(retries)); ok && n < 1<<31 {
			ev.TaskRetries = uint32(n)
		}
	}
	arq := func(job *node.Value) {
		set(job, "task", "job_id", "retry")
		if n, ok := tree.Uint(job.Get("retry")); ok && n > 0 && n < 1<<31 {
			ev.TaskRetries = uint32(n - 1) // It is the number of the try, from 1.
		}
	}
	if x != nil {
		set(x.Get("celery-job"), "task_name", "task_id", "retries")
		arq(x.Get("arq-job"))
		set(x.Get("rq-job"), "func", "job_id", "retries")
		set(x.Get("huey-job"), "task", "id", "retries")
		set(x.Get("dramatiq"), "actor_name", "message_id", "retries")
	}
	if c := r.f.Get(shape.Contexts); c != nil {
		set(c.Get("sidekiq"), "job_class", "jid", "retry_count")
		set(c.Get("dramatiq"), "actor_name", "message_id", "retries")
		set(c.Get("celery-job"), "task_name", "task_id", "retries")
		if n, ok := tree.Uint(c.Get("trace", "data", "messaging.message.retry.count")); ok && n < 1<<31 && ev.TaskRetries == 0 {
			// Where the SDK captured inside of the span that takes the message.
			ev.TaskRetries = uint32(n)
		}
		arq(c.Get("arq-job"))
	}
	if ev.TaskRetries == 0 && (x.Get("celery-job") != nil || r.tag("celery_task_id") != "") {
		ev.TaskRetries = r.celeryRetries()
	}
	if ev.TaskId == "" {
		for _, k := range []string{"celery_task_id", "arq_task_id", "huey_task_id"} {
			if s := r.tag(k); s != "" {
				ev.TaskId = s
				break
			}
		}
	}
}

// celeryRetries reads the count that Celery's SDK tells only among the variables
// of Celery's own frames: the request of the task, as Python prints it.
func (r *reader) celeryRetries() uint32 {
	for _, e := range r.f.Get(shape.Exception).GetArray("values") {
		for _, f := range payload.Frames(e.Get("stacktrace")) {
			name := ""
			switch module, function := tree.Get(f, "module"), tree.Get(f, "function"); {
			case module == "celery.app.trace" && function == "__protected_call__":
				name = "req"
			case module == "celery.app.task" && function == "retry":
				name = "request"
			default:
				continue
			}
			_, rest, found := strings.Cut(tree.Get(f.Get("vars"), name), "'retries': ")
			if !found {
				continue
			}
			end := 0
			for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
				end++
			}
			if n, ok := digits(rest[:end]); ok {
				return n
			}
		}
	}
	return 0
}

func digits(s string) (uint32, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	var n uint32
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + uint32(s[i]-'0')
	}
	return n, true
}

var platforms = func() map[string]bool {
	m := map[string]bool{}
	for p := range strings.FieldsSeq("as3 c cfml cocoa csharp dart elixir go groovy haskell java javascript native node objc other perl php python ruby rust swift unity unreal crystal powershell nextjs react-native flutter lua kotlin scala bun deno nintendo-switch playstation xbox") {
		m[p] = true
	}
	return m
}()

func platform(s string) string {
	if platforms[s] {
		return s
	}
	if l := strings.ToLower(s); platforms[l] {
		return l
	}
	return "other"
}
