// Package schema says what an event is: the row types that travel on the
// topics (record.proto), the exception form that both protocols are turned
// into, outcomes, projects and their limits. It imports nothing of ours, and
// everyone may import it. It never reads a request and never asks a table.
package schema

//go:generate ./generate.sh
