// Package builtin is the registry of all functions that come with Freshet.
package builtin

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/functions/aggregate"
	"github.com/freshetdb/freshet/sql/functions/scalar"
)

// New is a registry with every scalar function, operator and aggregate. It is not shared: make one a process.
func New() *functions.Registry {
	r := functions.NewRegistry()
	scalar.Register(r)
	aggregate.Register(r)
	return r
}
