package auth

import (
	"iter"
	"maps"
	"slices"

	"github.com/freshetdb/freshet/broker/metadata"
)

// rule is an ACL ready to be judged.
type rule struct {
	acl       metadata.ACL
	principal string // "" for all
	host      string // "" for all
	op        Operation
	deny      bool
}

func (r *rule) concerns(c Caller) bool {
	return (r.host == "" || r.host == c.Host) && (r.principal == "" || c.Principal.is(r.principal))
}

// denies tells whether a DENY rule forbids op: only by its name or as ALL.
func (r *rule) denies(op Operation) bool { return r.op == OpAll || r.op == op }

// allows tells whether an ALLOW rule permits op: reading, writing, deleting and altering imply describing.
func (r *rule) allows(op Operation) bool {
	if r.op == OpAll || r.op == op {
		return true
	}
	switch op {
	case OpDescribe:
		return r.op == OpRead || r.op == OpWrite || r.op == OpDelete || r.op == OpAlter
	case OpDescribeConfigs:
		return r.op == OpAlterConfigs
	}
	return false
}

// is compares with the text of a rule without making a string.
func (p Principal) is(text string) bool {
	n := len(p.Type)
	return len(text) == n+1+len(p.Name) && text[:n] == p.Type && text[n] == ':' && text[n+1:] == p.Name
}

// verdict gathers what the rules about one resource say to one question.
type verdict struct {
	caller                 Caller
	op                     Operation
	found, allowed, denied bool
}

func (v *verdict) judge(rules []rule) {
	for i := range rules {
		v.found = true
		switch r := &rules[i]; {
		case !r.concerns(v.caller):
		case r.deny:
			v.denied = v.denied || r.denies(v.op)
		default:
			v.allowed = v.allowed || r.allows(v.op)
		}
	}
}

// resourceRules are the rules of one type of resource.
type resourceRules struct {
	literal, prefixed map[string][]rule
	// lengths are those of the prefixes, each once, ascending.
	lengths []int
}

// ruleSet is all rules of an image, to be found by resource; immutable.
type ruleSet struct {
	version uint64
	types   map[ResourceType]*resourceRules
}

func newRuleSet(img *metadata.Image) *ruleSet {
	s := &ruleSet{version: img.ACLVersion(), types: make(map[ResourceType]*resourceRules)}
	for _, acl := range img.ACLs() {
		t := s.types[ResourceType(acl.ResourceType)]
		if t == nil {
			t = &resourceRules{literal: make(map[string][]rule), prefixed: make(map[string][]rule)}
			s.types[ResourceType(acl.ResourceType)] = t
		}
		r := rule{acl: acl, op: Operation(acl.Operation), deny: Permission(acl.Permission) != Allow}
		if acl.Principal != TypeUser+":"+Wildcard {
			r.principal = acl.Principal
		}
		if acl.Host != Wildcard {
			r.host = canonicalHost(acl.Host)
		}
		if PatternType(acl.PatternType) == PatternPrefixed {
			t.prefixed[acl.ResourceName] = append(t.prefixed[acl.ResourceName], r)
		} else {
			t.literal[acl.ResourceName] = append(t.literal[acl.ResourceName], r)
		}
	}
	for _, t := range s.types {
		for prefix := range t.prefixed {
			t.lengths = append(t.lengths, len(prefix))
		}
		slices.Sort(t.lengths)
		t.lengths = slices.Compact(t.lengths)
	}
	return s
}

// about walks the groups of rules whose pattern covers name.
func (s *ruleSet) about(of ResourceType, name string) iter.Seq[[]rule] {
	return func(yield func([]rule) bool) {
		t := s.types[of]
		if t == nil {
			return
		}
		if rules := t.literal[name]; rules != nil && !yield(rules) {
			return
		}
		if rules := t.literal[Wildcard]; rules != nil && name != Wildcard && !yield(rules) {
			return
		}
		for _, n := range t.lengths {
			if n > len(name) {
				return
			}
			if rules := t.prefixed[name[:n]]; rules != nil && !yield(rules) {
				return
			}
		}
	}
}

// all lists every group of rules of a type.
func (s *ruleSet) all(of ResourceType) [][]rule {
	t := s.types[of]
	if t == nil {
		return nil
	}
	return slices.AppendSeq(slices.Collect(maps.Values(t.literal)), maps.Values(t.prefixed))
}
