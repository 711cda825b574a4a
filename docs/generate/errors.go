package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// errorClasses are the names of SQLSTATE classes. Source: PostgreSQL 15, appendix A.
var errorClasses = map[string]string{
	"01": "Warning", "08": "Connection", "0A": "Feature not supported", "21": "Cardinality violation", "22": "Data exception",
	"23": "Integrity constraint violation", "24": "Invalid cursor state", "25": "Invalid transaction state", "26": "Invalid statement name",
	"28": "Invalid authorization", "2B": "Dependent objects still exist", "34": "Invalid cursor name", "3D": "Invalid catalog name",
	"3F": "Invalid schema name", "40": "Transaction rollback", "42": "Syntax error or access rule violation", "53": "Insufficient resources",
	"54": "Program limit exceeded", "55": "Object not in prerequisite state", "57": "Operator intervention", "58": "System error", "XX": "Internal error",
}

// writeErrors lists sqlerr's codes by class, and the folders whose code names them.
func writeErrors(w io.Writer, root string) error {
	codes, err := codeNames(filepath.Join(root, "sql", "sqlerr", "codes.go"))
	if err != nil {
		return err
	}
	users, err := codeUsers(root)
	if err != nil {
		return err
	}
	fmt.Fprint(w, `# Errors

Generated from the code. Every error has an SQLSTATE of PostgreSQL's, a message, a position where it has one and a hint where there is a way out.
A number of an error means the same in every release. "From" are the parts of Freshet that raise it: sql (language, values, functions), planner,
executor (running queries), server (sessions, catalogue); codes without one are reserved.
`)
	class := ""
	for _, value := range slices.Sorted(maps.Keys(codes)) {
		if c := value[:2]; c != class {
			class = c
			fmt.Fprintf(w, "\n## %s: %s\n\n| SQLSTATE | name | from |\n|---|---|---|\n", class, errorClasses[class])
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", value, words(codes[value]), strings.Join(users[codes[value]], ", "))
	}
	return nil
}

// words writes a Go name as words: DivisionByZero, division by zero.
func words(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// codeNames reads the constants of type Code: name by value.
func codeNames(file string) (map[string]string, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, decl := range tree.Decls {
		constants, ok := decl.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || len(value.Values) != 1 {
				continue
			}
			if lit, ok := value.Values[0].(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					return nil, err
				}
				names[text] = value.Names[0].Name
			}
		}
	}
	return names, nil
}

// codeUsers finds the top-level folders whose files, tests apart, name sqlerr.X; folders by X, sorted.
func codeUsers(root string) (map[string][]string, error) {
	users := map[string][]string{}
	for _, folder := range []string{"executor", "planner", "server", "sql"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				name := s.Sel.Name
				if name == "Unsupported" {
					name = "FeatureNotSupported"
				}
				if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "sqlerr" && !slices.Contains(users[name], folder) {
					users[name] = append(users[name], folder)
				}
				return true
			})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return users, nil
}
