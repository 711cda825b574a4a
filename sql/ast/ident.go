package ast

import "strings"

// FormatIdent prints an identifier so that the parser reads the same one: as it is, or in double quotes.
func FormatIdent(i Ident) string {
	if !i.Quoted {
		return i.Name
	}
	return `"` + strings.ReplaceAll(i.Name, `"`, `""`) + `"`
}

// FormatString prints a text literal.
func FormatString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
