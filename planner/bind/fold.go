package bind

import (
	"github.com/freshetdb/freshet/sql/expr"
	"github.com/freshetdb/freshet/sql/functions"
)

// fold computes a constant expression as the statement's session would; what fails stays as it is.
func (b *Binder) fold(e expr.Expr) expr.Expr {
	return expr.Fold(e, &functions.Context{Now: b.Now.UnixMicro(), TimeZone: b.TimeZone, Dialect: b.dialect})
}
