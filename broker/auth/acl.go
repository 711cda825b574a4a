package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/freshetdb/freshet/broker/metadata"
)

// Permission is what a rule does, in Kafka's numbers (AclPermissionType).
type Permission int8

// The permissions of rules.
const (
	PermissionUnknown Permission = 0
	PermissionAny     Permission = 1 // in filters
	Deny              Permission = 2
	Allow             Permission = 3
)

// PatternType says how a rule's resource name is read, in Kafka's numbers (PatternType).
type PatternType int8

// The pattern types.
const (
	PatternUnknown  PatternType = 0
	PatternAny      PatternType = 1 // in filters
	PatternMatch    PatternType = 2 // in filters: every pattern that covers the name
	PatternLiteral  PatternType = 3
	PatternPrefixed PatternType = 4
)

// Wildcard stands for every resource name of a literal rule, every principal name and every host.
const Wildcard = "*"

// operationsOf are the operations that exist on each type of resource, Kafka's AclEntry.supportedOperations.
var operationsOf = map[ResourceType][]Operation{
	ResourceTopic:           {OpRead, OpWrite, OpCreate, OpDescribe, OpDelete, OpAlter, OpDescribeConfigs, OpAlterConfigs},
	ResourceGroup:           {OpRead, OpDescribe, OpDelete, OpDescribeConfigs, OpAlterConfigs},
	ResourceCluster:         {OpCreate, OpClusterAction, OpDescribeConfigs, OpAlterConfigs, OpIdempotentWrite, OpAlter, OpDescribe},
	ResourceTransactionalID: {OpDescribe, OpWrite, OpTwoPhaseCommit},
	ResourceDelegationToken: {OpDescribe},
	ResourceUser:            {OpCreateTokens, OpDescribeTokens},
}

// Operations lists the operations that exist on a type of resource; not to be changed.
func Operations(t ResourceType) []Operation { return operationsOf[t] }

// NameMax bounds each text of a rule, in bytes.
const NameMax = 1 << 10

// CheckACL tells what is wrong with a rule that somebody wants to add, or nil.
func CheckACL(a *metadata.ACL) error {
	t := ResourceType(a.ResourceType)
	switch {
	case operationsOf[t] == nil:
		return fmt.Errorf("rules on resources of type %d do not exist", a.ResourceType)
	case PatternType(a.PatternType) != PatternLiteral && PatternType(a.PatternType) != PatternPrefixed:
		return fmt.Errorf("pattern type %d is neither LITERAL nor PREFIXED", a.PatternType)
	case a.ResourceName == "":
		return errors.New("resource name is empty")
	case t == ResourceCluster && a.ResourceName != ClusterName:
		return fmt.Errorf("the only valid name for the CLUSTER resource is %s", ClusterName)
	case Operation(a.Operation) <= OpAny || Operation(a.Operation) > OpTwoPhaseCommit: // one that means nothing there does no harm, as in Kafka
		return fmt.Errorf("operation %d does not exist", a.Operation)
	case Permission(a.Permission) != Allow && Permission(a.Permission) != Deny:
		return fmt.Errorf("permission %d is neither ALLOW nor DENY", a.Permission)
	case a.Host == "":
		return errors.New("host is empty")
	case max(len(a.ResourceName), len(a.Principal), len(a.Host)) > NameMax:
		return fmt.Errorf("a name has more than %d bytes", NameMax)
	}
	_, err := ParsePrincipal(a.Principal)
	return err
}

// ParsePrincipal reads "User:name".
func ParsePrincipal(text string) (Principal, error) {
	kind, name, found := strings.Cut(text, ":")
	if !found || kind == "" || name == "" {
		return Principal{}, fmt.Errorf("principal %q is not of the form TYPE:NAME, such as User:alice", text)
	}
	return Principal{Type: kind, Name: name}, nil
}

// ParsePrincipals reads "User:a;User:b", Kafka's super.users.
func ParsePrincipals(text string) ([]Principal, error) {
	var out []Principal
	for word := range strings.SplitSeq(text, ";") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		p, err := ParsePrincipal(word)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// Filter selects rules. Nil texts select any, as do the Any numbers.
type Filter struct {
	ResourceType ResourceType
	PatternType  PatternType
	ResourceName *string
	Principal    *string
	Host         *string
	Operation    Operation
	Permission   Permission
}

// Check tells what is wrong with a filter, or nil.
func (f *Filter) Check() error {
	switch {
	case f.ResourceType <= ResourceUnknown || f.ResourceType > ResourceUser:
		return fmt.Errorf("unknown resource type %d", f.ResourceType)
	case f.PatternType <= PatternUnknown || f.PatternType > PatternPrefixed:
		return fmt.Errorf("unknown pattern type %d", f.PatternType)
	case f.Operation <= OpUnknown || f.Operation > OpTwoPhaseCommit:
		return fmt.Errorf("unknown operation %d", f.Operation)
	case f.Permission <= PermissionUnknown || f.Permission > Allow:
		return fmt.Errorf("unknown permission %d", f.Permission)
	}
	return nil
}

// Matches tells whether the filter selects a rule.
func (f *Filter) Matches(a *metadata.ACL) bool {
	return (f.ResourceType == ResourceAny || f.ResourceType == ResourceType(a.ResourceType)) &&
		(f.Operation == OpAny || f.Operation == Operation(a.Operation)) &&
		(f.Permission == PermissionAny || f.Permission == Permission(a.Permission)) &&
		(f.Principal == nil || *f.Principal == a.Principal) &&
		(f.Host == nil || *f.Host == a.Host) && f.matchesName(a)
}

func (f *Filter) matchesName(a *metadata.ACL) bool {
	pattern := PatternType(a.PatternType)
	if f.PatternType != PatternAny && f.PatternType != PatternMatch && f.PatternType != pattern {
		return false
	}
	if f.ResourceName == nil {
		return true
	}
	if f.PatternType == PatternMatch {
		return covers(pattern, a.ResourceName, *f.ResourceName)
	}
	return a.ResourceName == *f.ResourceName
}

// covers tells whether a rule's pattern is about a resource.
func covers(pattern PatternType, of, name string) bool {
	switch pattern {
	case PatternLiteral:
		return of == name || of == Wildcard
	case PatternPrefixed:
		return strings.HasPrefix(name, of)
	}
	return false
}

// canonicalHost spells IP addresses one way, so that ::1 is 0:0:0:0:0:0:0:1; other texts stay.
func canonicalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return host
}

// HostOf is the host that rules name of a remote address such as "10.1.2.3:4711".
func HostOf(address string) string {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return ap.Addr().Unmap().WithZone("").String()
	}
	return address
}
