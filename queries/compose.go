package queries

import (
	"context"

	"errata/queries/affected"
	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/newest"
	"errata/queries/release"
	"errata/queries/tag"
	"errata/queries/trend"
)

// composed are the queries whose steps are plain reads that are put together
// here: planning one statement that does the same costs the server more than
// all of them, or which one is asked depends on what another gave.
var composed = map[string]func(context.Context, *asked) (*Result, error){
	"issue_list": listIssues, "event_search": listNewest, "text_search": listNewest,
	"releases": func(ctx context.Context, a *asked) (*Result, error) {
		return release.List(ctx, a.Asking, &a.store.releases)
	},
	"release_compare": func(ctx context.Context, a *asked) (*Result, error) {
		return release.Compare(ctx, a.Asking, &a.store.releases)
	},
	"error_trend": alone(trend.Hours), "error_trend_split": alone(trend.Split), "issue_trend": alone(trend.Issue),
	"tag_distribution": alone(tag.Distribution), "tag_lift": alone(tag.Lift), "users_affected": alone(affected.Users),
}

// asked is one run of such a query that keeps what it knows in the store.
type asked struct {
	*asking.Asking
	store *Store
}

func (s *Store) asked(q *catalog.Query, bound map[string]string) *asked {
	return &asked{&asking.Asking{Server: &s.server, Query: q, Bound: bound}, s}
}

// with is the same with more values bound.
func (a *asked) with(values map[string]string) *asked {
	return &asked{a.With(values), a.store}
}

// alone is a question that needs nothing else of the store.
func alone(of func(context.Context, *asking.Asking) (*Result, error)) func(context.Context, *asked) (*Result, error) {
	return func(ctx context.Context, a *asked) (*Result, error) { return of(ctx, a.Asking) }
}

func listNewest(ctx context.Context, a *asked) (*Result, error) {
	return newest.List(ctx, a.Asking, &a.store.newest)
}
