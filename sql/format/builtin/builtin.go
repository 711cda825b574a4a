// Package builtin is the registry of all formats.
package builtin

import (
	"github.com/freshetdb/freshet/sql/format"
	"github.com/freshetdb/freshet/sql/format/delimited"
	"github.com/freshetdb/freshet/sql/format/json"
)

// New makes a registry of every format there is: JSON, DELIMITED, KAFKA and NONE.
func New() *format.Registry {
	r := &format.Registry{}
	json.Register(r)
	delimited.Register(r)
	return r
}
