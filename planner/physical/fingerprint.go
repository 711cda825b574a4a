package physical

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/freshetdb/freshet/sql/expr"
)

// FingerprintVersion is part of every fingerprint: raise it when the meaning of stored state changes though plans read the same.
const FingerprintVersion = 1

// Fingerprint tells whether stored state fits a plan: a hash over the steps that own state (Upsert, Aggregate, View) with their keys,
// types, windows and aggregates, in the order of the tree. What stands between them only changes rows to come.
func Fingerprint(p *Plan) string {
	h := sha256.New()
	fmt.Fprintf(h, "v%d\n", FingerprintVersion)
	fingerprint(h, p.Root)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func fingerprint(w io.Writer, s Step) {
	switch s := s.(type) {
	case *Upsert:
		fmt.Fprintf(w, "upsert %v %s\n", s.Key, typeList(s))
	case *View:
		fmt.Fprintf(w, "view %s %v %d %+v %s\n", s.ID, s.Key, s.WindowStart, s.Window, typeList(s))
	case *Aggregate:
		fmt.Fprintf(w, "aggregate %+v final=%t changes=%t", s.Window, s.Final, s.Changes)
		for _, k := range s.Keys {
			fmt.Fprintf(w, " %s:%s", expr.String(k), k.Type().String())
		}
		for _, a := range s.Aggs {
			fmt.Fprintf(w, " %s(", a.Name)
			for _, arg := range a.Args {
				fmt.Fprintf(w, "%s:%s,", expr.String(arg), arg.Type().String())
			}
			fmt.Fprintf(w, ")%s distinct=%t", a.Type.String(), a.Distinct)
			if a.Filter != nil {
				fmt.Fprintf(w, " filter=%s", expr.String(a.Filter))
			}
		}
		fmt.Fprintln(w)
	}
	for _, in := range s.Inputs() {
		fingerprint(w, in)
	}
}

func typeList(s Step) string {
	var parts []string
	for _, c := range s.Schema() {
		parts = append(parts, c.Type.String())
	}
	return strings.Join(parts, ",")
}
