package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"errata/command/connect"
	"errata/command/show"
	"errata/queries/regroup"
	"errata/schema/grouping"
)

// Regroup is `errata regroup`.
type Regroup struct {
	connect.Flags
	JSON    bool   `help:"Print JSON." name:"json"`
	Project string `help:"Slug or id; default: the only project, or default."`
	Rules   string `help:"Rule file; default: the project's rules, by this version of grouping." type:"existingfile"`
	Since   string `help:"How far back, such as 30d or 12h; default: all stored events."`
	DryRun  bool   `help:"Only say what would change (the default)." xor:"do"`
	Apply   bool   `help:"Make it so, for stored events and those to come." xor:"do"`
	Undo    bool   `help:"Take the newest regrouping back." xor:"do"`
	Run_    string `help:"With --undo: the run that is expected to be the newest." name:"run"`
	Actor   string `help:"Who does it; default: the user of this machine."`
	State   string `help:"File by which a stopped run is taken up; default: in the data folder or the temporary one." type:"path"`
	Quiet   bool   `help:"No progress."`
}

// Run groups stored events again.
func (c *Regroup) Run(ctx context.Context) error {
	if c.Actor == "" {
		c.Actor = "errata"
		if u, err := user.Current(); err == nil && u.Username != "" {
			c.Actor = u.Username
		}
	}
	s, project, rules, err := openRules(ctx, &c.Flags, "errata", c.Project)
	if err != nil {
		return err
	}
	defer s.Close()
	if c.Undo {
		id, err := regroup.Undo(ctx, s, project, c.Run_, c.Actor)
		if err != nil {
			return err
		}
		if c.JSON {
			return show.JSON(os.Stdout, map[string]any{"undone": id})
		}
		fmt.Printf("Regrouping %s is taken back; the rules before it hold again.\n", id)
		return nil
	}
	if c.Rules != "" {
		if rules, err = Read(c.Rules); err != nil {
			return err
		}
	}
	since, err := parseSince(c.Since)
	if err != nil {
		return err
	}
	o := regroup.Options{Project: project, Rules: rules, Since: since, State: c.statePath(project, rules, since)}
	if !c.Quiet && !c.JSON {
		o.Each = func(p regroup.Progress) {
			fmt.Fprintf(os.Stderr, "\r%d of about %d events, %.0f a second ", p.Done, p.Total, p.PerSecond)
		}
	}
	r, err := regroup.Plan(ctx, s, o)
	if o.Each != nil {
		fmt.Fprintln(os.Stderr)
	}
	if err != nil {
		return err
	}
	if c.Apply {
		if err := regroup.Apply(ctx, s, r, c.Actor); err != nil {
			return err
		}
	}
	if err := regroup.Forget(o.State); err != nil {
		return err
	}
	if c.JSON {
		return show.JSON(os.Stdout, r)
	}
	printReport(r)
	return nil
}

func (c *Regroup) statePath(project uint32, r grouping.Rules, since time.Duration) string {
	if c.State != "" {
		return c.State
	}
	dir := c.Data
	if _, err := os.Stat(dir); err != nil {
		dir = os.TempDir()
	}
	digest := xxhash.Sum64String(strings.Join(r.Lines(), "\n") + since.String())
	return filepath.Join(dir, fmt.Sprintf("regroup-%d-%016x.json", project, digest))
}

// parseSince reads 30d, 12h, 90m; empty is all.
func parseSince(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	var d time.Duration
	var err error
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		d = time.Duration(n * float64(24*time.Hour))
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return 0, errors.New("cannot read --since " + strconv.Quote(s) + ": give a time such as 30d, 12h or 90m")
	}
	return d, nil
}

func printReport(r *regroup.Report) {
	verb := "would"
	if r.Run != "" {
		verb = "did"
	}
	fmt.Printf("%d events (%d occurrences) read in %.1f s; grouping %s\n", r.Events, r.Occurrences, r.Seconds, r.Version)
	fmt.Printf("issues that stay: %d, that change their fingerprint only: %d; merges: %d; splits: %d\n", r.Kept, r.Renamed, len(r.Merges), len(r.Splits))
	if r.Broken > 0 {
		fmt.Printf("%d payloads could not be read: these events stay where they are\n", r.Broken)
	}
	const most = 50
	for i, m := range r.Merges {
		if i == most {
			fmt.Printf("... and %d more merges (see --json)\n", len(r.Merges)-most)
			break
		}
		fmt.Printf("\n%s merge into %s  %s\n", verb, m.Into, m.Title)
		for _, f := range m.From {
			fmt.Printf("  %s\n", f)
		}
	}
	for i, s := range r.Splits {
		if i == most {
			fmt.Printf("... and %d more splits (see --json)\n", len(r.Splits)-most)
			break
		}
		fmt.Printf("\n%s split %s  %s\n", verb, s.Issue, s.Title)
		for _, p := range s.Parts {
			fmt.Printf("  %s  %8d  %s  (event %s)\n", p.Issue, p.Occurrences, p.Title, p.Sample)
		}
	}
	if r.Note != "" {
		fmt.Printf("\nNote: %s.\n", r.Note)
	}
	if r.Run != "" {
		fmt.Printf("\nApplied as run %s. Take it back with `errata regroup --undo`.\n", r.Run)
	} else {
		fmt.Println("\nNothing was changed. Make it so with --apply.")
	}
}
