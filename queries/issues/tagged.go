package issues

import (
	"context"
	"fmt"
	"strings"
	"time"

	"errata/queries/catalog"
)

// tagged collects the fingerprints that have parameter tag in the window: from
// tag_issue where that has all days of it, else from issue_tag, and events where it
// begins before that does.
func (a *asked) tagged(ctx context.Context, into map[uint64]bool) error {
	from, to, err := a.Query.Choice(a.Bound).Ends()
	if err != nil {
		return err
	}
	since, err := a.Since(ctx, "tag_issue")
	if err != nil {
		return err
	}
	key, value, _ := strings.Cut(catalog.Unescape(a.Bound["tag"]), "=")
	pair, err := catalog.ArrayText([]any{key, value})
	if err != nil {
		return err
	}
	b := a.with(map[string]string{"pair": pair})
	long, err := a.Query.Choice(a.Bound).Long()
	if err != nil {
		return err
	}
	if !long && !from.Truncate(24*time.Hour).Before(since) {
		months, masks := monthsOf(from, to)
		b = b.with(map[string]string{"months": months, "masks": masks})
	}
	return b.Set(ctx, "tagged", into)
}

// monthsOf are the months of a window and, of each, a bit for every day that is
// in it, as array parameters.
func monthsOf(from, to time.Time) (months, masks string) {
	from, to = from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour)
	var m, b []string
	for month := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC); !month.After(to) && !from.After(to); month = month.AddDate(0, 1, 0) {
		lowest, highest := 0, 30
		if from.After(month) {
			lowest = from.Day() - 1
		}
		if month.AddDate(0, 1, 0).After(to) {
			highest = to.Day() - 1
		}
		m = append(m, "'"+month.Format("2006-01-02")+"'")
		b = append(b, fmt.Sprint(uint32(1)<<(highest+1)-uint32(1)<<lowest))
	}
	return "[" + strings.Join(m, ",") + "]", "[" + strings.Join(b, ",") + "]"
}
