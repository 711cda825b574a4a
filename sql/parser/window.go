package parser

import (
	"strconv"
	"time"

	"github.com/freshetdb/freshet/sql/ast"
)

// window reads ksqlDB's WINDOW [name] TUMBLING | HOPPING | SESSION (…).
func (p *parser) window() *ast.Window {
	w := &ast.Window{Place: p.here()}
	p.expect("WINDOW")
	if !p.any("TUMBLING", "HOPPING", "SESSION") && p.tok().isLabel() && p.anyAt(1, "TUMBLING", "HOPPING", "SESSION") {
		w.Name = p.label("a name")
	}
	kind := p.choose("TUMBLING", "HOPPING", "SESSION")
	p.expect("(")
	switch kind {
	case "TUMBLING":
		w.Kind = ast.WindowTumbling
		p.expect("SIZE")
		w.Size = p.duration()
	case "HOPPING":
		w.Kind = ast.WindowHopping
		p.expect("SIZE")
		w.Size = p.duration()
		p.expect(",")
		p.expect("ADVANCE", "BY")
		advance := p.duration()
		w.Advance = &advance
	default:
		w.Kind = ast.WindowSession
		w.Size = p.duration()
	}
	if p.is(",") && p.isAt(1, "RETENTION") {
		p.i += 2
		retention := p.duration()
		w.Retention = &retention
	}
	if p.is(",") && p.isAt(1, "GRACE") {
		p.i += 2
		p.expect("PERIOD")
		grace := p.duration()
		w.Grace = &grace
	}
	p.expect(")")
	return w
}

const day = 24 * time.Hour

var units = map[string]time.Duration{
	"MILLISECOND": time.Millisecond, "MILLISECONDS": time.Millisecond,
	"SECOND": time.Second, "SECONDS": time.Second,
	"MINUTE": time.Minute, "MINUTES": time.Minute,
	"HOUR": time.Hour, "HOURS": time.Hour,
	"DAY": day, "DAYS": day,
}

// duration reads a number and a unit.
func (p *parser) duration() ast.Duration {
	t := p.tok()
	n, err := strconv.ParseInt(t.text, 10, 64)
	if t.kind != number || err != nil {
		p.fail("a whole number")
	}
	p.i++
	unit, ok := units[p.tok().up]
	if !ok {
		p.fail("MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS")
	}
	p.i++
	return ast.Duration{Place: ast.Place{At: t.pos()}, Count: n, Unit: unit}
}
