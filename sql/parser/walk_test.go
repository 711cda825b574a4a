package parser

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/freshetdb/freshet/sql/ast"
)

// Walk must reach every expression, relation, query and type of a tree: all that reflection finds.
func TestWalkReachesEverything(t *testing.T) {
	for _, text := range corpus(t) {
		list, err := Parse(text)
		if err != nil {
			continue
		}
		for _, s := range list {
			visited := map[ast.Node]bool{}
			ast.Walk(s, func(n ast.Node) bool {
				visited[n] = true
				return true
			})
			collect(reflect.ValueOf(s), func(n ast.Node) {
				if !visited[n] {
					t.Errorf("%s\nWalk does not reach %T %s", text, n, fmt.Sprint(n))
				}
			})
		}
	}
}

// collect finds the nodes Walk promises to visit.
func collect(v reflect.Value, found func(ast.Node)) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			return
		}
		if v.Kind() == reflect.Pointer {
			switch n := v.Interface().(type) {
			case ast.Expr:
				found(n)
			case ast.Relation:
				found(n)
			case ast.Body:
				found(n)
			case *ast.TypeName:
				found(n)
			case *ast.WindowSpec:
				found(n)
			}
		}
		collect(v.Elem(), found)
	case reflect.Slice:
		for i := range v.Len() {
			collect(v.Index(i), found)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			collect(field, found)
		}
	}
}
