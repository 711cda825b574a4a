package parser

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/sqlerr"
)

// longest is how long a bad text may take: far more than it does, for slow machines.
const longest = 5 * time.Second

// Texts that would exhaust a parser without limits end quickly with an error of class 54.
func TestLimits(t *testing.T) {
	const mega = 1 << 18
	for name, text := range map[string]string{
		"parentheses":          "SELECT " + strings.Repeat("(", mega),
		"closed parentheses":   "SELECT " + strings.Repeat("(", mega/2) + "1" + strings.Repeat(")", mega/2),
		"queries":              strings.Repeat("(", mega/2) + "SELECT 1" + strings.Repeat(")", mega/2),
		"brackets":             "SELECT " + strings.Repeat("ARRAY[", mega/6),
		"subqueries":           strings.Repeat("SELECT (", mega/8),
		"tables":               strings.Repeat("SELECT * FROM (", mega/15),
		"case":                 "SELECT " + strings.Repeat("CASE WHEN ", mega/10),
		"not":                  "SELECT " + strings.Repeat("NOT ", mega/4) + "a",
		"signs":                "SELECT " + strings.Repeat("- ", mega/2) + "1",
		"tildes":               "SELECT " + strings.Repeat("~ ", mega/2) + "1",
		"sum":                  "SELECT 1" + strings.Repeat("+1", mega/2),
		"or":                   "SELECT a" + strings.Repeat(" OR a", mega/5),
		"casts":                "SELECT a" + strings.Repeat("::int", mega/5),
		"subscripts":           "SELECT a" + strings.Repeat("[1]", mega/3),
		"fields":               "SELECT a" + strings.Repeat("->b", mega/3),
		"types":                "CREATE STREAM s (a " + strings.Repeat("ARRAY<", mega/6),
		"type suffixes":        "CREATE STREAM s (a INT" + strings.Repeat("[]", mega/2),
		"explain":              strings.Repeat("EXPLAIN ", mega/8) + "SELECT 1",
		"joins":                "SELECT * FROM a" + strings.Repeat(" CROSS JOIN a", mega/13),
		"unions":               "SELECT 1" + strings.Repeat(" UNION SELECT 1", mega/15),
		"lambdas":              "SELECT f(" + strings.Repeat("x=>", mega/3),
		"grouping sets":        "SELECT 1 GROUP BY " + strings.Repeat("CUBE(", mega/5),
		"prepared":             strings.Repeat("PREPARE a AS ", mega/13),
		"with":                 strings.Repeat("WITH a AS (", mega/11),
		"between":              "SELECT a" + strings.Repeat(" BETWEEN a", mega/10),
		"length":               "SELECT '" + strings.Repeat("x", maxTextBytes) + "'",
		"words":                strings.Repeat("a ", maxTokens+1),
		"alternating brackets": "SELECT " + strings.Repeat("([", mega/2),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse(text)
			if took := time.Since(start); took > longest {
				t.Errorf("took %s", took)
			}
			if err == nil {
				t.Fatal("accepted")
			}
			e := sqlerr.From(err)
			t.Logf("%s: %s", e.Code, e.Message)
			if e.Code[:2] != "54" && e.Code != sqlerr.SyntaxError {
				t.Errorf("%s: %s", e.Code, e.Message)
			}
			if len(e.Message) > 300 || len(e.Detail) > 300 {
				t.Errorf("message of %d bytes", len(e.Message)+len(e.Detail))
			}
		})
	}
}

// What is long but flat, or deep but not absurdly so, is accepted.
func TestLongTexts(t *testing.T) {
	for name, text := range map[string]string{
		"values":      "INSERT INTO t VALUES (1, 'a')" + strings.Repeat(", (1, 'a')", 20000),
		"in":          "SELECT a IN (1" + strings.Repeat(", 1", 50000) + ")",
		"items":       "SELECT a" + strings.Repeat(", a", 50000),
		"or":          "SELECT a" + strings.Repeat(" OR a", 5000),
		"parentheses": "SELECT " + strings.Repeat("(", 400) + "1" + strings.Repeat(")", 400),
		"unions":      "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 500),
		"string":      "SELECT '" + strings.Repeat("x", 1<<20) + "'",
		"script":      strings.Repeat("SELECT 1;", 5000),
	} {
		start := time.Now()
		if _, err := Parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > longest {
			t.Errorf("%s took %s", name, took)
		}
	}
}

// corpus is statements of every kind, from testdata.
func corpus(t testing.TB) []string {
	var list []string
	for _, f := range []string{"statements", "errors", "precedence", "positions", "split"} {
		text, err := os.ReadFile("testdata/" + f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.Split(string(text), "\n")...)
	}
	return list
}

// FuzzParse: no input makes the parser panic, hang or disagree with itself: what it accepts prints to something equal.
func FuzzParse(f *testing.F) {
	for _, s := range corpus(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		Split(text)
		list, err := Parse(text)
		if err != nil {
			e := sqlerr.From(err)
			if e.Code == sqlerr.Internal {
				t.Fatalf("%q: %v", text, err)
			}
			if at := e.Pos.Offset(); at > len(text) {
				t.Fatalf("%q: position %d", text, at)
			}
			return
		}
		for _, s := range list {
			roundTrip(t, s)
		}
	})
}

func roundTrip(t *testing.T, s ast.Statement) {
	t.Helper()
	printed := ast.Format(s)
	again, err := ParseOne(printed)
	if err != nil {
		t.Fatalf("print is refused: %v\n%s", err, printed)
	}
	if !ast.Equal(s, again) {
		t.Fatalf("print means something else:\n%s\n%s", printed, ast.Format(again))
	}
}

// Damaged statements end in an error or in something that prints well, never in a panic.
func TestDamagedStatements(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	list := corpus(t)
	for range 3000 {
		words := strings.Fields(list[rnd.IntN(len(list))])
		for range 1 + rnd.IntN(3) {
			if len(words) < 2 {
				break
			}
			i, j := rnd.IntN(len(words)), rnd.IntN(len(words))
			switch rnd.IntN(3) {
			case 0:
				words[i], words[j] = words[j], words[i]
			case 1:
				words = append(words[:i], words[i+1:]...)
			default:
				words[i] = words[j]
			}
		}
		text := strings.Join(words, " ")
		parsed, err := Parse(text)
		if err != nil {
			if sqlerr.From(err).Code == sqlerr.Internal {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		for _, s := range parsed {
			roundTrip(t, s)
		}
	}
}

// Expressions with all their parentheses and with only the needed ones are the same.
func TestPrecedenceProperty(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		e := randomExpr(rnd, 4)
		full, err := ParseExpr(tree(e))
		if err != nil {
			t.Fatalf("%v\n%s", err, tree(e))
		}
		if tree(full) != tree(e) {
			t.Fatalf("%s\nbecame\n%s", tree(e), tree(full))
		}
		bare := ast.Format(e)
		short, err := ParseExpr(bare)
		if err != nil {
			t.Fatalf("%v\n%s", err, bare)
		}
		if tree(short) != tree(e) {
			t.Fatalf("%s was printed as %s, which means\n%s", tree(e), bare, tree(short))
		}
	}
}

var randomOperators = strings.Fields("AND OR = <> < <= > >= + - * / % ^ || ~ @> ->>")

func randomExpr(rnd *rand.Rand, depth int) ast.Expr {
	if depth == 0 {
		return &ast.ColumnRef{Name: ast.Name{{Name: string(rune('a' + rnd.IntN(26)))}}}
	}
	sub := func() ast.Expr { return randomExpr(rnd, depth-1-rnd.IntN(depth)) }
	switch rnd.IntN(14) {
	case 0:
		return &ast.Unary{Op: "NOT", Expr: sub()}
	case 1:
		return &ast.Unary{Op: "-", Expr: sub()}
	case 2:
		return &ast.Unary{Op: "~", Expr: sub()}
	case 3:
		return &ast.IsNull{Expr: sub(), Not: rnd.IntN(2) == 0}
	case 4:
		return &ast.Between{Expr: sub(), Low: sub(), High: sub(), Not: rnd.IntN(2) == 0}
	case 5:
		return &ast.Like{Expr: sub(), Pattern: sub(), Not: rnd.IntN(2) == 0}
	case 6:
		return &ast.Cast{Expr: sub(), Type: &ast.TypeName{Name: ast.Name{{Name: "int"}}}, Style: ast.CastColons}
	case 7:
		return &ast.IsDistinct{Left: sub(), Right: sub()}
	case 8:
		return &ast.AtTimeZone{Expr: sub(), Zone: sub()}
	}
	return &ast.Binary{Op: randomOperators[rnd.IntN(len(randomOperators))], Left: sub(), Right: sub()}
}

func TestCacheForgetsTheOldest(t *testing.T) {
	c := NewCache(256)
	first, err := c.Parse("SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := c.Parse("SELECT 1"); len(again) != 1 || again[0] != first[0] {
		t.Error("parsed again")
	}
	if _, err := c.Parse("SELEC"); err == nil {
		t.Error("accepted")
	}
	for i := range 100 {
		if _, err := c.Parse(strings.Repeat(" ", i%7) + "USE a" + string(rune('a'+i%26))); err != nil {
			t.Error(err)
		}
	}
	if c.size > 256 || len(c.entries) > 32 {
		t.Errorf("%d bytes in %d entries", c.size, len(c.entries))
	}
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"point":  "SELECT total FROM totals WHERE id = $1",
		"insert": "INSERT INTO orders (id, total) VALUES (1, 2.50), (2, 3.25)",
		"ctas":   "CREATE TABLE c AS SELECT k, COUNT(*) AS n, SUM(v) AS s FROM s WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD 0 SECONDS) WHERE v IS NOT NULL AND k <> 'x' GROUP BY k HAVING COUNT(*) > 1 EMIT CHANGES",
		"psql": "SELECT n.nspname as \"Schema\", c.relname as \"Name\", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as \"Type\", pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\" " +
			"FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','p','v') AND n.nspname !~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
