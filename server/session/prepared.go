package session

import (
	"sort"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// StatementsMax is the most prepared statements a session may hold: a client that leaks them gets an error, not the server's memory.
const StatementsMax = 10_000

// Prepared is a statement parsed and planned once.
type Prepared struct {
	Name    string
	Text    string
	Params  []types.Type  // one a parameter, never Unknown
	OIDs    []uint32      // parameter types as the client declared them; 0 or absent: it did not
	Columns types.Columns // nil when it has no rows
	FromSQL bool          // made by PREPARE, not by the protocol
	Plan    any           // the engine's
}

// Statements are a session's prepared statements by name; "" is the unnamed one.
type Statements struct{ named map[string]*Prepared }

// Get finds a statement. Errors: 26000.
func (s *Statements) Get(name string) (*Prepared, error) {
	if p := s.named[name]; p != nil {
		return p, nil
	}
	if name == "" {
		return nil, sqlerr.Newf(sqlerr.InvalidStatementName, 0, "unnamed prepared statement does not exist")
	}
	return nil, sqlerr.Newf(sqlerr.InvalidStatementName, 0, "prepared statement %q does not exist", name)
}

// Has tells whether a named statement exists.
func (s *Statements) Has(name string) bool { return s.named[name] != nil }

// Put adds a statement under its name; the unnamed one is replaced. Errors: 42P05, 53400.
func (s *Statements) Put(p *Prepared) error {
	if p.Name != "" && s.named[p.Name] != nil {
		return sqlerr.Newf(sqlerr.DuplicateStatement, 0, "prepared statement %q already exists", p.Name)
	}
	if len(s.named) >= StatementsMax {
		return sqlerr.Newf(sqlerr.ConfigurationLimitExceeded, 0, "a session holds at most %d prepared statements", StatementsMax).
			WithHint("DEALLOCATE those no longer used")
	}
	if s.named == nil {
		s.named = map[string]*Prepared{}
	}
	s.named[p.Name] = p
	return nil
}

// Remove forgets a statement and tells whether there was one.
func (s *Statements) Remove(name string) bool {
	_, ok := s.named[name]
	delete(s.named, name)
	return ok
}

// Clear forgets all.
func (s *Statements) Clear() { clear(s.named) }

// List is the named statements, sorted by name.
func (s *Statements) List() []*Prepared {
	list := make([]*Prepared, 0, len(s.named))
	for name, p := range s.named {
		if name != "" {
			list = append(list, p)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}
