package auth

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Policy is what holds beside the rules.
type Policy struct {
	// SuperUsers are principals that may do everything.
	SuperUsers []Principal
	// AllowWithoutACL lets everybody do what no rule at all is about (allow.everyone.if.no.acl.found).
	AllowWithoutACL bool
	// Audit takes what Record is told; nil takes nothing. AuditAllowed says that it takes DEBUG, too.
	Audit        *slog.Logger
	AuditAllowed bool
}

// Caller is who asks: a principal at a host (an IP address as HostOf spells it).
type Caller struct {
	Principal Principal
	Host      string
}

// Authorizer decides by the rules of the newest image. It is safe for use by many goroutines.
type Authorizer struct {
	image           func() *metadata.Image
	allowWithoutACL bool
	audit           *slog.Logger
	auditAllowed    bool // whether audit takes DEBUG
	// anonymousSuper is supers[Anonymous], the answer of nodes that ask nobody who they are.
	anonymousSuper bool
	supers         map[Principal]bool

	rules atomic.Pointer[ruleSet]
	build sync.Mutex // held while rules is made anew
}

// NewAuthorizer makes an authorizer; image gives the newest image, and must never be nil.
func NewAuthorizer(policy Policy, image func() *metadata.Image) *Authorizer {
	a := &Authorizer{image: image, allowWithoutACL: policy.AllowWithoutACL, audit: policy.Audit, auditAllowed: policy.AuditAllowed, supers: make(map[Principal]bool, len(policy.SuperUsers))}
	for _, p := range policy.SuperUsers {
		a.supers[p] = true
	}
	a.anonymousSuper = a.supers[Anonymous]
	return a
}

// Record writes down that a caller was refused, at INFO, or allowed, at DEBUG, to do something by the request of an API. Source:
// StandardAuthorizerData.logAuditMessage of Kafka.
func (a *Authorizer) Record(c Caller, op Operation, t ResourceType, name string, api int16, allowed bool) {
	switch {
	case a.audit == nil:
	case !allowed:
		a.audit.Info("denied", decision(c, op, t, name, api)...)
	case a.auditAllowed:
		a.audit.Debug("allowed", decision(c, op, t, name, api)...)
	}
}

// decision is what the log says of one.
func decision(c Caller, op Operation, t ResourceType, name string, api int16) []any {
	return []any{
		"principal", c.Principal.String(), "operation", op.String(), "host", c.Host, "resource", t.String() + ":LITERAL:" + name,
		"request", kmsg.NameForKey(api),
	}
}

// super tells whether a principal may do everything.
func (a *Authorizer) super(p Principal) bool {
	return (a.anonymousSuper && p == Anonymous) || a.supers[p]
}

// May tells whether c may do op to the resource of type t called name: super users may, a matching DENY forbids, a matching ALLOW
// permits, and everything else is forbidden but for Policy.AllowWithoutACL.
func (a *Authorizer) May(c Caller, op Operation, t ResourceType, name string) bool {
	if a.super(c.Principal) {
		return true
	}
	rules := a.current()
	v := verdict{caller: c, op: op}
	for set := range rules.about(t, name) {
		if v.judge(set); v.denied {
			return false
		}
	}
	return v.allowed || (!v.found && a.allowWithoutACL)
}

// MayAny tells whether c may do op to some resource of type t, whatever its name: what producers without transactions need of topics.
func (a *Authorizer) MayAny(c Caller, op Operation, t ResourceType) bool {
	if a.super(c.Principal) {
		return true
	}
	var allowed, denied []*metadata.ACL
	for _, set := range a.current().all(t) {
		for i := range set {
			switch r := &set[i]; {
			case !r.concerns(c):
			case r.deny && r.denies(op):
				if denied = append(denied, &r.acl); r.acl.ResourceName == Wildcard && PatternType(r.acl.PatternType) == PatternLiteral {
					return false
				}
			case !r.deny && r.allows(op):
				allowed = append(allowed, &r.acl)
			}
		}
	}
	return a.allowWithoutACL || slices.ContainsFunc(allowed, func(yes *metadata.ACL) bool {
		return !slices.ContainsFunc(denied, func(no *metadata.ACL) bool { return dominates(no, yes) })
	})
}

// dominates tells whether everything of pattern yes is within pattern no.
func dominates(no, yes *metadata.ACL) bool {
	literal := PatternType(yes.PatternType) == PatternLiteral
	if literal && yes.ResourceName == Wildcard {
		return PatternType(no.PatternType) == PatternLiteral && no.ResourceName == Wildcard
	}
	if PatternType(no.PatternType) == PatternPrefixed {
		return strings.HasPrefix(yes.ResourceName, no.ResourceName)
	}
	return no.ResourceName == Wildcard || (literal && yes.ResourceName == no.ResourceName)
}

// Authorized is the bit field of what c may do to a resource: bit n stands for operation n.
func (a *Authorizer) Authorized(c Caller, t ResourceType, name string) int32 {
	var bits int32
	for _, op := range operationsOf[t] {
		if a.May(c, op, t, name) {
			bits |= 1 << op
		}
	}
	return bits
}

// current are the rules of the newest image, made at most once for each change of rules.
func (a *Authorizer) current() *ruleSet {
	img := a.image()
	if rules := a.rules.Load(); rules != nil && rules.version >= img.ACLVersion() {
		return rules
	}
	a.build.Lock()
	defer a.build.Unlock()
	img = a.image()
	if rules := a.rules.Load(); rules != nil && rules.version >= img.ACLVersion() {
		return rules
	}
	rules := newRuleSet(img)
	a.rules.Store(rules)
	return rules
}
