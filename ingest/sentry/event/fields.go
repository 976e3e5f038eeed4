package event

import (
	"github.com/valyala/fastjson"
)

// field numbers the top-level attributes that are read; the order is that of
// the payload written.
type field uint8

const (
	fEventID field = iota
	fTimestamp
	fStartTimestamp
	fReceived
	fPlatform
	fLevel
	fType
	fLogger
	fTransaction
	fTransactionInfo
	fServerName
	fRelease
	fDist
	fEnvironment
	fSite
	fSDK
	fCulprit
	fMessage
	fLogentry
	fException
	fThreads
	fStacktrace
	fTemplate
	fRequest
	fUser
	fTags
	fContexts
	fBreadcrumbs
	fExtra
	fModules
	fFingerprint
	fChecksum
	fDebugMeta
	fCSP
	fHPKP
	fExpectCT
	fExpectStaple
	fNEL
	fSpans
	fMeasurements
	fBreakdowns
	fDSN
	fErrors
	fMeta
	fieldCount
)

var fieldNames = [fieldCount]string{
	"event_id", "timestamp", "start_timestamp", "received", "platform", "level", "type", "logger", "transaction", "transaction_info",
	"server_name", "release", "dist", "environment", "site", "sdk", "culprit", "message", "logentry", "exception", "threads", "stacktrace",
	"template", "request", "user", "tags", "contexts", "breadcrumbs", "extra", "modules", "fingerprint", "checksum",
	"debug_meta", "csp", "hpkp", "expectct", "expectstaple", "nel", "spans", "measurements", "breakdowns", "dsn", "errors", "_meta",
}

// legacyNames are older spellings of attributes.
var legacyNames = map[string]field{
	"id": fEventID, "sentry.interfaces.Exception": fException, "sentry.interfaces.Stacktrace": fStacktrace,
	"sentry.interfaces.User": fUser, "sentry.interfaces.Http": fRequest, "sentry.interfaces.Message": fLogentry,
	"sentry.interfaces.Breadcrumbs": fBreadcrumbs, "sentry.interfaces.Contexts": fContexts, "sentry.interfaces.Template": fTemplate,
	"sentry.interfaces.Csp": fCSP, "sentry.interfaces.Threads": fThreads, "sentry.interfaces.Sdk": fSDK,
	"sentry.interfaces.DebugMeta": fDebugMeta, "sentry.interfaces.Geo": fieldCount, "sentry.interfaces.stacktrace.Stacktrace": fStacktrace,
	"interfaces": fieldCount, "threadsInterface": fThreads, "extras": fExtra, "hpkp.Hpkp": fHPKP,
	"sentry.interfaces.Expectct": fExpectCT, "sentry.interfaces.Hpkp": fHPKP, "sentry.interfaces.ExpectCT": fExpectCT, "sentry.interfaces.ExpectStaple": fExpectStaple,
}

var fieldByName = func() map[string]field {
	m := make(map[string]field, len(legacyNames)+int(fieldCount))
	for k, v := range legacyNames {
		m[k] = v
	}
	for i, n := range fieldNames {
		m[n] = field(i)
	}
	return m
}()

// fields holds what the tree has at its top: nulls are left out.
type fields struct {
	v      [fieldCount]*fastjson.Value
	legacy bool // Some attribute has an old name.
	other  []member
}

type member struct {
	key   string // Aliases the tree.
	value *fastjson.Value
}

// maxOther bounds the unknown attributes that are kept.
const maxOther = 50

func (f *fields) collect(root *fastjson.Value) {
	f.v = [fieldCount]*fastjson.Value{}
	f.other, f.legacy = f.other[:0], false
	root.GetObject().Visit(func(k []byte, v *fastjson.Value) {
		if v.Type() == fastjson.TypeNull {
			return
		}
		i, ok := fieldByName[string(k)]
		switch {
		case !ok || i == fieldCount:
			if len(f.other) < maxOther {
				f.other = append(f.other, member{string(k), v})
			}
		case fieldNames[i] != string(k):
			// An old name counts only where the new one is missing.
			if f.v[i] == nil {
				f.v[i] = v
				f.legacy = true
			}
		default:
			f.v[i] = v
		}
	})
}
