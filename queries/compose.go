package queries

import (
	"context"

	"errata/queries/affected"
	"errata/queries/asking"
	"errata/queries/catalog"
	"errata/queries/issues"
	"errata/queries/newest"
	"errata/queries/release"
	"errata/queries/tag"
	"errata/queries/trend"
)

// composed are the queries whose steps are plain reads that are put together
// here: planning one statement that does the same costs the server more than
// all of them, or which one is asked depends on what another gave.
var composed = map[string]func(context.Context, *Store, *asking.Asking) (*Result, error){
	"issue_list": func(ctx context.Context, s *Store, a *asking.Asking) (*Result, error) {
		return issues.List(ctx, a, &s.cards)
	},
	"event_search": listNewest, "text_search": listNewest,
	"releases": func(ctx context.Context, s *Store, a *asking.Asking) (*Result, error) {
		return release.List(ctx, a, &s.releases)
	},
	"release_compare": func(ctx context.Context, s *Store, a *asking.Asking) (*Result, error) {
		return release.Compare(ctx, a, &s.releases)
	},
	"error_trend": alone(trend.Hours), "error_trend_split": alone(trend.Split), "issue_trend": alone(trend.Issue),
	"tag_distribution": alone(tag.Distribution), "tag_lift": alone(tag.Lift), "users_affected": alone(affected.Users),
}

// asking is one run of a query.
func (s *Store) asking(q *catalog.Query, bound map[string]string) *asking.Asking {
	return &asking.Asking{Server: &s.server, Query: q, Bound: bound}
}

// alone is a question that needs nothing else of the store.
func alone(of func(context.Context, *asking.Asking) (*Result, error)) func(context.Context, *Store, *asking.Asking) (*Result, error) {
	return func(ctx context.Context, _ *Store, a *asking.Asking) (*Result, error) { return of(ctx, a) }
}

func listNewest(ctx context.Context, s *Store, a *asking.Asking) (*Result, error) {
	return newest.List(ctx, a, &s.newest)
}
