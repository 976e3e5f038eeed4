package grouping

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"errata/schema/grouping/rule"
)

//go:embed frames-2026-11.rules
var frameRules string

//go:embed fingerprints-2026-11.rules
var fingerprintRules string

// The rules that everybody has. Both files are compiled in; a test reads them.
var (
	baseFrames       = must(rule.ParseFrames(frameRules))
	baseFingerprints = must(rule.ParseFingerprints(fingerprintRules))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Rules are a project's own fingerprint and in-app rules, as text with Sentry's
// syntax.
type Rules struct {
	Fingerprint string
	InApp       string
}

// Grouper groups by one version and one rule set. It is safe for concurrent use.
type Grouper struct {
	rules        Rules
	frames       *rule.Set
	fingerprints *rule.Fingerprints
	version      string
}

// New checks rules and returns a Grouper. The zero Rules give the defaults.
// Errors name the rule set and, as *rule.Error, the line.
func New(r Rules) (*Grouper, error) {
	g := &Grouper{rules: r, frames: baseFrames, version: Version}
	if strings.TrimSpace(r.InApp) != "" {
		own, err := rule.ParseFrames(r.InApp)
		if err != nil {
			return nil, fmt.Errorf("cannot compile in-app rules: %w", err)
		}
		g.frames = baseFrames.With(own)
	}
	if strings.TrimSpace(r.Fingerprint) != "" {
		own, err := rule.ParseFingerprints(r.Fingerprint)
		if err != nil {
			return nil, fmt.Errorf("cannot compile fingerprint rules: %w", err)
		}
		g.fingerprints = own
	}
	if g.frames != baseFrames || g.fingerprints.Len() > 0 {
		c := r.Compact()
		h := xxhash.Sum64String(c.Fingerprint + "\x00" + c.InApp)
		g.version += "+" + strconv.FormatUint(h>>32|1<<32, 16)[1:]
	}
	return g, nil
}

// Version names the algorithm and, where a project has rules, their digest.
func (g *Grouper) Version() string { return g.version }

// Group decides.
func (g *Grouper) Group(in *Input) Result {
	r := newRun(g, in)
	defer r.done()
	return r.decide()
}
