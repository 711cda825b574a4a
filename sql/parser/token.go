package parser

import "github.com/freshetdb/freshet/sql/sqlerr"

// kind is a class of tokens.
type kind uint8

const (
	eof    kind = iota
	word        // an unquoted identifier or keyword
	quoted      // "…", `…` or U&"…"
	text        // a string literal, decoded
	number      // an unsigned number
	bits        // B'…'
	hex         // X'…'
	param       // $1
	symbol      // an operator or punctuation
)

// token is one word of the text.
type token struct {
	kind kind
	text string // decoded value; of a word and a symbol what was written
	up   string // a keyword in upper case, a symbol; "" for all others
	at   int32  // byte offset of its first character
	end  int32  // one past its last character
}

func (t *token) pos() sqlerr.Pos    { return sqlerr.At(int(t.at)) }
func (t *token) endPos() sqlerr.Pos { return sqlerr.At(int(t.end)) }

// is tells whether the token is this keyword or symbol.
func (t *token) is(up string) bool { return t.up == up }

// The limits of one text. Beyond them the answer is an error of class 54, in time linear in the text.
const (
	maxTextBytes = 8 << 20 // of a text with all its statements
	maxTokens    = 2 << 20 // of a text with all its statements
	maxNesting   = 1000    // parentheses, brackets, subqueries and CASEs inside one another
	maxHeight    = 10000   // operators on top of one another: the height of an expression's tree
)
