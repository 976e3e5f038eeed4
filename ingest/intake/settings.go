package intake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"errata/ingest/filter"
	"errata/ingest/quota"
	"errata/ingest/scrub"
	"errata/schema"
	"errata/schema/grouping"
)

// Settings is what an operator may say of one project: the JSON in
// schema.Project.Settings. Absent fields mean the defaults, so that an empty
// text is a working project.
type Settings struct {
	Scrub scrub.Rules `json:"scrub"`
	// Filters: what matches is counted as filtered and not stored; clients get 200.
	Filters  filter.Config  `json:"filters"`
	Quotas   []quota.Config `json:"quotas"`
	Flood    Flood          `json:"flood"`
	Grouping Grouping       `json:"grouping"`
	// AllowedOrigins limits browsers: host names, "*.example.com", or whole
	// origins. Empty or "*" allows all.
	AllowedOrigins []string `json:"allowed_origins"`
	Keep           Keep     `json:"keep"`
}

// KeySettings is the JSON in schema.Key.Settings.
type KeySettings struct {
	Quotas []quota.Config `json:"quotas"`
}

// Flood says how many events of one fingerprint are kept whole in a minute.
// What is over it is counted exactly, without its body.
type Flood struct {
	Off       bool   `json:"off"`
	PerMinute uint32 `json:"per_minute"` // 0 means the edge's default.
}

// Grouping holds a project's own rules, with Sentry's syntax.
type Grouping struct {
	Fingerprint string `json:"fingerprint_rules"`
	InApp       string `json:"in_app_rules"`
}

// Keep says of bulky items whether they are stored (true) or dropped and
// counted (false). Absent: attachments are kept, profiles and replays dropped.
type Keep struct {
	Attachments *bool `json:"attachments"`
	Profiles    *bool `json:"profiles"`
	Replays     *bool `json:"replays"`
}

// KeepAttachments reports whether attachments are stored.
func (k Keep) KeepAttachments() bool { return k.Attachments == nil || *k.Attachments }

// KeepProfiles reports whether profiles are stored.
func (k Keep) KeepProfiles() bool { return k.Profiles != nil && *k.Profiles }

// KeepReplays reports whether replays are stored.
func (k Keep) KeepReplays() bool { return k.Replays != nil && *k.Replays }

// maxSettingsBytes bounds the JSON of one project.
const maxSettingsBytes = 256 << 10

// ParseSettings reads and checks the settings of a project. Unknown fields are
// refused, so that a misspelt one is not silently without effect.
func ParseSettings(text string) (*Settings, error) {
	s := &Settings{}
	if err := strict(text, s); err != nil {
		return nil, err
	}
	return s, s.Check()
}

// ParseKeySettings reads and checks the settings of a key.
func ParseKeySettings(text string) (*KeySettings, error) {
	s := &KeySettings{}
	if err := strict(text, s); err != nil {
		return nil, err
	}
	return s, checkQuotas(s.Quotas)
}

func strict(text string, into any) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	if len(text) > maxSettingsBytes {
		return fmt.Errorf("cannot read settings: %d bytes, at most %d are allowed", len(text), maxSettingsBytes)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if strings.Contains(err.Error(), "unknown field") {
			return fmt.Errorf("cannot read settings: %w; the fields are %s", err, strings.Join(fields(reflect.TypeOf(into), "", nil), ", "))
		}
		return fmt.Errorf("cannot read settings: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("cannot read settings: there is text after the JSON object")
	}
	return nil
}

// fields lists the names of a type's fields with their paths: scrub.rules[].path.
func fields(t reflect.Type, path string, out []string) []string {
	switch t.Kind() {
	case reflect.Pointer:
		return fields(t.Elem(), path, out)
	case reflect.Slice:
		return fields(t.Elem(), path+"[]", out)
	case reflect.Struct:
		for f := range t.Fields() {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
				out = fields(f.Type, strings.TrimPrefix(path+"."+name, "."), out)
			}
		}
		return out
	}
	return append(out, strings.TrimSuffix(path, "[]"))
}

// Check names the first field that cannot work.
func (s *Settings) Check() error {
	if _, err := scrub.New(s.Scrub); err != nil {
		return fmt.Errorf("scrub: %w", err)
	}
	if _, err := grouping.New(grouping.Rules{Fingerprint: s.Grouping.Fingerprint, InApp: s.Grouping.InApp}); err != nil {
		return fmt.Errorf("grouping: %w", err)
	}
	if _, err := filter.New(s.Filters); err != nil {
		return fmt.Errorf("filters.%w", err)
	}
	return checkQuotas(s.Quotas)
}

func checkQuotas(quotas []quota.Config) error {
	return quota.Check(quotas, func(c string) bool { return knownCategories[c] })
}

var knownCategories = map[string]bool{
	schema.CategoryError: true, schema.CategoryTransaction: true, schema.CategorySpan: true,
	schema.CategoryLog: true, schema.CategorySession: true, schema.CategoryMonitor: true,
	schema.CategoryMetric: true, schema.CategoryAttachment: true, schema.CategoryFeedback: true,
	schema.CategorySecurity: true, schema.CategoryProfile: true, schema.CategoryReplay: true,
	schema.CategoryUnknown: true,
}

// NewProject makes a project ready to use. Settings that cannot be read give
// an error together with a project on defaults: events are never refused for a
// setting.
func NewProject(p schema.Project) (*Project, error) {
	s, err := ParseSettings(p.Settings)
	if err != nil {
		s = &Settings{}
		err = fmt.Errorf("cannot use the settings of project %d, defaults hold: %w", p.ID, err)
	}
	g, gerr := grouping.New(grouping.Rules{Fingerprint: s.Grouping.Fingerprint, InApp: s.Grouping.InApp})
	if gerr != nil {
		return nil, fmt.Errorf("cannot make grouping of project %d: %w", p.ID, gerr)
	}
	sc, serr := scrub.New(s.Scrub)
	if serr != nil {
		return nil, fmt.Errorf("cannot make scrubbing of project %d: %w", p.ID, serr)
	}
	f, ferr := filter.New(s.Filters)
	if ferr != nil {
		return nil, fmt.Errorf("cannot make filters of project %d: %w", p.ID, ferr)
	}
	return &Project{Project: p, Settings: s, Grouper: g, Scrubber: sc, Filter: f}, err
}
