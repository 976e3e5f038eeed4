// Package regroup is the grouping time machine: it groups stored events again
// by other rules or by a newer version, says which issues would merge and
// split, makes it so for history and future, and takes it back. In: a project,
// rules, the table events. Out: a report; project settings and actions in the
// triage log. It never changes what an event says and never moves a total.
package regroup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"errata/queries"
	"errata/queries/projects"
	"errata/schema"
	"errata/schema/grouping"
)

// ErrRules is returned for rules that cannot be used.
var ErrRules = errors.New("wrong rules")

// settingsKey is where a project's settings hold its rules.
const settingsKey = "grouping"

// stored is that part of the settings.
type stored struct {
	Fingerprint string `json:"fingerprint_rules,omitempty"`
	InApp       string `json:"in_app_rules,omitempty"`
}

// Rules are the rules that a project has now.
func Rules(p schema.Project) (grouping.Rules, error) {
	all, err := settings(p)
	if err != nil {
		return grouping.Rules{}, err
	}
	var s stored
	if raw, ok := all[settingsKey]; ok {
		if err := json.Unmarshal(raw, &s); err != nil {
			return grouping.Rules{}, fmt.Errorf("cannot read the rules of project %d: %w", p.ID, err)
		}
	}
	return grouping.Rules{Fingerprint: s.Fingerprint, InApp: s.InApp}, nil
}

func settings(p schema.Project) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if p.Settings == "" {
		return all, nil
	}
	if err := json.Unmarshal([]byte(p.Settings), &all); err != nil {
		return nil, fmt.Errorf("cannot read the settings of project %d: %w", p.ID, err)
	}
	return all, nil
}

// SaveRules gives a project these rules and leaves its other settings alone.
// The edge takes them up within seconds.
func SaveRules(ctx context.Context, s *queries.Store, project uint32, r grouping.Rules) error {
	if _, err := grouping.New(r); err != nil {
		return fmt.Errorf("cannot save rules: %w: %w", ErrRules, err)
	}
	p, err := projects.BySlug(ctx, s.Conn(), fmt.Sprint(project))
	if err != nil {
		return err
	}
	all, err := settings(p)
	if err != nil {
		return err
	}
	r = r.Compact()
	if r == (grouping.Rules{}) {
		delete(all, settingsKey)
	} else if all[settingsKey], err = json.Marshal(stored{Fingerprint: r.Fingerprint, InApp: r.InApp}); err != nil {
		return fmt.Errorf("cannot save rules: %w", err)
	}
	p.Settings = ""
	if len(all) > 0 {
		raw, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("cannot save rules: %w", err)
		}
		p.Settings = string(raw)
	}
	_, err = projects.Save(ctx, s.Conn(), p)
	return err
}

// Diff lists what other would change: lines that begin with "- " or "+ ", in
// order; unchanged ones begin with two spaces. Empty where nothing changes.
func Diff(now, other grouping.Rules) []string {
	a, b := now.Lines(), other.Lines()
	if slices.Equal(a, b) {
		return nil
	}
	// Longest common subsequence: rule files have at most a thousand lines each.
	n, m := len(a), len(b)
	common := make([][]int32, n+1)
	for i := range common {
		common[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && a[i] == b[j]:
			out = append(out, "  "+a[i])
			i++
			j++
		case i < n && (j == m || common[i+1][j] >= common[i][j+1]):
			out = append(out, "- "+a[i])
			i++
		default:
			out = append(out, "+ "+b[j])
			j++
		}
	}
	return out
}
