package bind

import "github.com/freshetdb/freshet/sql/expr"

func (b *Binder) fold(e expr.Expr) expr.Expr { return e }
