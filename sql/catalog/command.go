package catalog

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// CommandFormat is the version of the encoding that Encode writes.
const CommandFormat = 1

// maxCommandBytes bounds what Decode accepts.
const maxCommandBytes = 16 << 20

// Command is DDL as it is kept in the log: every fact the planner found is written out, so that replay needs no planner.
// The changes of one command are applied all or not at all.
type Command struct {
	Format   int      `json:"format"`
	Database string   `json:"database"`
	Dialect  Dialect  `json:"dialect"`
	Changes  []Change `json:"changes"`
}

// Change is one statement's effect; exactly one of its actions is set.
type Change struct {
	Text   string  `json:"text"`
	Topics []Topic `json:"topics,omitempty"` // to exist before the query starts

	Create  *Create  `json:"create,omitempty"`
	Drop    *Drop    `json:"drop,omitempty"`
	Control *Control `json:"control,omitempty"`
	Insert  *Query   `json:"insert,omitempty"` // INSERT INTO … SELECT: one more writer
	Comment *Comment `json:"comment,omitempty"`
}

// Create adds a relation, with the query that fills it when there is one.
type Create struct {
	Relation *Relation `json:"relation"`
	Query    *Query    `json:"query,omitempty"`
	Replace  bool      `json:"replace,omitempty"`
}

// Drop removes a relation and the CREATE … AS query that fills it.
type Drop struct {
	Name        string `json:"name"`
	Kind        Kind   `json:"kind"`
	DeleteTopic string `json:"delete_topic,omitempty"` // the topic to delete, "": keep it
}

// ControlVerb is what a Control does.
type ControlVerb string

// The verbs.
const (
	Terminate ControlVerb = "TERMINATE"
	Pause     ControlVerb = "PAUSE"
	Resume    ControlVerb = "RESUME"
)

// Control ends, pauses or resumes queries.
type Control struct {
	Verb    ControlVerb `json:"verb"`
	Queries []string    `json:"queries"`
}

// Comment sets a relation's comment.
type Comment struct {
	Relation string `json:"relation"`
	Text     string `json:"text"`
}

// Merge makes one command of those of a transaction, in order. The commands must be of one database.
func Merge(commands ...*Command) *Command {
	if len(commands) == 0 {
		return nil
	}
	merged := *commands[0]
	merged.Changes = nil
	for _, c := range commands {
		merged.Changes = append(merged.Changes, c.Changes...)
	}
	return &merged
}

// Encode writes a command as JSON, docs/formats/commands.md.
func Encode(c *Command) ([]byte, error) {
	out := *c
	out.Format = CommandFormat
	b, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode command: %w", err)
	}
	return b, nil
}

// Decode reads what Encode wrote and checks its shape. Errors are sqlerr.DataCorrupted, or FeatureNotSupported for a later format.
func Decode(b []byte) (*Command, error) {
	if len(b) > maxCommandBytes {
		return nil, sqlerr.Newf(sqlerr.DataCorrupted, 0, "command of %d bytes is too long", len(b))
	}
	var c Command
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, sqlerr.Wrap(err, sqlerr.DataCorrupted, "command cannot be read: %s", err.Error())
	}
	if c.Format != CommandFormat {
		return nil, sqlerr.Newf(sqlerr.FeatureNotSupported, 0, "command has format %d, this version reads format %d", c.Format, CommandFormat)
	}
	for i := range c.Changes {
		if err := c.Changes[i].check(); err != nil {
			return nil, sqlerr.Wrap(err, sqlerr.DataCorrupted, "change %d of a command: %s", i+1, err.Error())
		}
	}
	return &c, nil
}

// check tells whether a decoded change has exactly one action and what that action needs.
func (c *Change) check() error {
	actions := 0
	if c.Create != nil {
		actions++
		if c.Create.Relation == nil || c.Create.Relation.Name == "" || c.Create.Relation.ID == "" {
			return errors.New("create without a relation")
		}
		if k := c.Create.Relation.Kind; k != Stream && k != Table {
			return fmt.Errorf("relation of kind %q", k)
		}
		for _, at := range c.Create.Relation.KeyOrder {
			if at < 0 || at >= len(c.Create.Relation.Columns) {
				return fmt.Errorf("key column %d of %d", at, len(c.Create.Relation.Columns))
			}
		}
		if c.Create.Query != nil && c.Create.Query.ID == "" {
			return errors.New("query without an id")
		}
	}
	if c.Drop != nil {
		actions++
	}
	if c.Control != nil {
		actions++
	}
	if c.Insert != nil {
		actions++
		if c.Insert.ID == "" {
			return errors.New("query without an id")
		}
	}
	if c.Comment != nil {
		actions++
	}
	if actions != 1 {
		return fmt.Errorf("%d actions, want one", actions)
	}
	return nil
}
