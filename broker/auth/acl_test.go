package auth

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/broker/metadata"
)

// words of the datadriven tests.
var (
	operationWords = map[string]Operation{
		"ANY": OpAny, "ALL": OpAll, "READ": OpRead, "WRITE": OpWrite, "CREATE": OpCreate, "DELETE": OpDelete, "ALTER": OpAlter, "DESCRIBE": OpDescribe,
		"DESCRIBE_CONFIGS": OpDescribeConfigs, "ALTER_CONFIGS": OpAlterConfigs, "IDEMPOTENT_WRITE": OpIdempotentWrite,
	}
	resourceWords = map[string]ResourceType{"ANY": ResourceAny, "TOPIC": ResourceTopic, "GROUP": ResourceGroup, "CLUSTER": ResourceCluster, "TXN": ResourceTransactionalID}
	patternWords  = map[string]PatternType{"ANY": PatternAny, "MATCH": PatternMatch, "LITERAL": PatternLiteral, "PREFIXED": PatternPrefixed}
)

// parseACL reads "ALLOW User:alice@* READ TOPIC LITERAL orders".
func parseACL(t *testing.T, line string) metadata.ACL {
	t.Helper()
	f := strings.Fields(line)
	if len(f) != 6 {
		t.Fatalf("%q", line)
	}
	principal, host, _ := strings.Cut(f[1], "@")
	a := metadata.ACL{
		Principal: principal, Host: host, Operation: int8(operationWords[f[2]]), ResourceType: int8(resourceWords[f[3]]),
		PatternType: int8(patternWords[f[4]]), ResourceName: f[5], Permission: int8(Deny),
	}
	if f[0] == "ALLOW" {
		a.Permission = int8(Allow)
	}
	return a
}

func imageOf(t testing.TB, acls ...metadata.ACL) *metadata.Image {
	t.Helper()
	var records []metadata.Record
	for i, a := range acls {
		records = append(records, metadata.ACLRecord{ID: metadata.UUID{byte(i), byte(i >> 8), 15: 1}, ACL: a})
	}
	img, _, err := metadata.Replay(&metadata.Image{}, 1, records)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func callerOf(text string) Caller {
	name, host, found := strings.Cut(text, "@")
	if !found {
		host = "10.0.0.1"
	}
	return Caller{Principal: Principal{Type: TypeUser, Name: name}, Host: host}
}

// TestAuthorizer: rules in, questions "alice@host READ TOPIC name" and their answers.
func TestAuthorizer(t *testing.T) {
	datadriven.RunTest(t, "testdata/authorizer", func(t *testing.T, d *datadriven.TestData) string {
		var acls []metadata.ACL
		var policy Policy
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			line = strings.TrimSpace(line)
			f := strings.Fields(line)
			a := func() *Authorizer {
				img := imageOf(t, acls...)
				return NewAuthorizer(policy, func() *metadata.Image { return img })
			}
			switch {
			case strings.HasPrefix(line, "ALLOW"), strings.HasPrefix(line, "DENY"):
				acls = append(acls, parseACL(t, line))
			case f[0] == "super":
				policy.SuperUsers = append(policy.SuperUsers, callerOf(f[1]).Principal)
			case f[0] == "everyone":
				policy.AllowWithoutACL = true
			case f[0] == "any":
				fmt.Fprintf(&out, "%s: %v\n", line, a().MayAny(callerOf(f[1]), operationWords[f[2]], resourceWords[f[3]]))
			case f[0] == "bits":
				fmt.Fprintf(&out, "%s: %b\n", line, a().Authorized(callerOf(f[1]), resourceWords[f[2]], f[3]))
			default:
				fmt.Fprintf(&out, "%s: %v\n", line, a().May(callerOf(f[0]), operationWords[f[1]], resourceWords[f[2]], f[3]))
			}
		}
		return out.String()
	})
}

// mayNaive is the definition: all rules are looked at.
func mayNaive(acls []metadata.ACL, c Caller, op Operation, t ResourceType, name string) bool {
	allowed := false
	for _, a := range acls {
		if ResourceType(a.ResourceType) != t || !covers(PatternType(a.PatternType), a.ResourceName, name) {
			continue
		}
		if (a.Principal != "User:*" && a.Principal != c.Principal.String()) || (a.Host != Wildcard && a.Host != c.Host) {
			continue
		}
		r := rule{op: Operation(a.Operation)}
		if Permission(a.Permission) == Deny && r.denies(op) {
			return false
		}
		allowed = allowed || (Permission(a.Permission) == Allow && r.allows(op))
	}
	return allowed
}

// TestIndexAgreesWithDefinition: finding rules by resource gives what looking at all of them does.
func TestIndexAgreesWithDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	for range 300 {
		var acls []metadata.ACL
		for range rng.IntN(12) {
			acls = append(acls, metadata.ACL{
				ResourceType: int8(2 + rng.IntN(2)), PatternType: int8(3 + rng.IntN(2)), ResourceName: pick("a", "ab", "abc", "*", "b"),
				Principal: pick("User:x", "User:y", "User:*"), Host: pick("*", "1.1.1.1"), Operation: int8(2 + rng.IntN(10)), Permission: int8(2 + rng.IntN(2)),
			})
		}
		img := imageOf(t, acls...)
		a := NewAuthorizer(Policy{}, func() *metadata.Image { return img })
		for range 40 {
			c := Caller{Principal: Principal{Type: TypeUser, Name: pick("x", "y", "z")}, Host: pick("1.1.1.1", "2.2.2.2")}
			op, rt, name := Operation(3+rng.IntN(9)), ResourceType(2+rng.IntN(2)), pick("a", "ab", "abc", "abcd", "b", "c", "*", "")
			if got, want := a.May(c, op, rt, name), mayNaive(acls, c, op, rt, name); got != want {
				t.Fatalf("%v %d %d %q: %v, by definition %v, of %v", c, op, rt, name, got, want, acls)
			}
			may := false // of some name
			for _, n := range []string{"a", "ab", "abc", "abcd", "b", "bx", "other"} {
				may = may || mayNaive(acls, c, op, rt, n)
			}
			if may && !a.MayAny(c, op, rt) {
				t.Fatalf("%v %d %d may something, but not any: %v", c, op, rt, acls)
			}
		}
	}
}

// TestRulesFollowTheImage: a change of rules holds from the next question on.
func TestRulesFollowTheImage(t *testing.T) {
	img := &metadata.Image{}
	a := NewAuthorizer(Policy{}, func() *metadata.Image { return img })
	alice := callerOf("alice")
	if a.May(alice, OpRead, ResourceTopic, "t") {
		t.Fatal("without a rule")
	}
	apply := func(version uint64, r metadata.Record) {
		next, _, err := metadata.Replay(img, version, []metadata.Record{r})
		if err != nil {
			t.Fatal(err)
		}
		img = next
	}
	id := metadata.UUID{1}
	apply(5, metadata.ACLRecord{ID: id, ACL: parseACL(t, "ALLOW User:alice@* READ TOPIC LITERAL t")})
	if !a.May(alice, OpRead, ResourceTopic, "t") {
		t.Fatal("with a rule")
	}
	apply(6, metadata.ACLRemovedRecord{ID: id})
	if a.May(alice, OpRead, ResourceTopic, "t") {
		t.Fatal("after the rule")
	}
}

// TestFilters: which rules a filter selects.
func TestFilters(t *testing.T) {
	text := func(s string) *string { return &s }
	all := []metadata.ACL{
		parseACL(t, "ALLOW User:a@* READ TOPIC LITERAL orders"),
		parseACL(t, "ALLOW User:a@* READ TOPIC PREFIXED ord"),
		parseACL(t, "ALLOW User:a@* READ TOPIC LITERAL *"),
		parseACL(t, "DENY User:b@h WRITE GROUP LITERAL orders"),
	}
	anything := Filter{ResourceType: ResourceAny, PatternType: PatternAny, Operation: OpAny, Permission: PermissionAny}
	for _, test := range []struct {
		name   string
		change func(*Filter)
		want   string
	}{
		{"everything", func(*Filter) {}, "0123"},
		{"resource type", func(f *Filter) { f.ResourceType = ResourceGroup }, "3"},
		{"name, any pattern", func(f *Filter) { f.ResourceName = text("orders") }, "03"},
		{"name, match", func(f *Filter) {
			f.ResourceName, f.PatternType, f.ResourceType = text("orders"), PatternMatch, ResourceTopic
		}, "012"},
		{"name, literal", func(f *Filter) { f.ResourceName, f.PatternType = text("orders"), PatternLiteral }, "03"},
		{"name, prefixed", func(f *Filter) { f.ResourceName, f.PatternType = text("ord"), PatternPrefixed }, "1"},
		{"pattern alone", func(f *Filter) { f.PatternType = PatternPrefixed }, "1"},
		{"wildcard is a name", func(f *Filter) { f.ResourceName = text("*") }, "2"},
		{"principal", func(f *Filter) { f.Principal = text("User:b") }, "3"},
		{"host", func(f *Filter) { f.Host = text("*") }, "012"},
		{"operation", func(f *Filter) { f.Operation = OpWrite }, "3"},
		{"permission", func(f *Filter) { f.Permission = Deny }, "3"},
	} {
		f := anything
		test.change(&f)
		if err := f.Check(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		got := ""
		for i := range all {
			if f.Matches(&all[i]) {
				got += fmt.Sprint(i)
			}
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	for _, bad := range []Filter{{}, {ResourceType: 99, PatternType: 1, Operation: 1, Permission: 1}, {ResourceType: 1, PatternType: 9, Operation: 1, Permission: 1}} {
		if bad.Check() == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestBadACLs(t *testing.T) {
	good := parseACL(t, "ALLOW User:a@* READ TOPIC LITERAL orders")
	if err := CheckACL(&good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*metadata.ACL){
		"no name":           func(a *metadata.ACL) { a.ResourceName = "" },
		"no host":           func(a *metadata.ACL) { a.Host = "" },
		"no principal":      func(a *metadata.ACL) { a.Principal = "" },
		"no principal type": func(a *metadata.ACL) { a.Principal = "alice" },
		"any operation":     func(a *metadata.ACL) { a.Operation = int8(OpAny) },
		"no operation":      func(a *metadata.ACL) { a.Operation = int8(OpAny) },
		"any resource":      func(a *metadata.ACL) { a.ResourceType = int8(ResourceAny) },
		"unknown resource":  func(a *metadata.ACL) { a.ResourceType = 77 },
		"match":             func(a *metadata.ACL) { a.PatternType = int8(PatternMatch) },
		"any permission":    func(a *metadata.ACL) { a.Permission = int8(PermissionAny) },
		"another cluster":   func(a *metadata.ACL) { a.ResourceType, a.Operation = int8(ResourceCluster), int8(OpAlter) },
		"long":              func(a *metadata.ACL) { a.ResourceName = strings.Repeat("x", NameMax+1) },
	} {
		bad := good
		change(&bad)
		if CheckACL(&bad) == nil {
			t.Errorf("%s: %+v was accepted", name, bad)
		}
	}
}

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{"10.1.2.3:99": "10.1.2.3", "[::ffff:10.1.2.3]:99": "10.1.2.3", "[fe80::1%eth0]:1": "fe80::1", "pipe": "pipe"} {
		if got := HostOf(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if canonicalHost("0:0:0:0:0:0:0:1") != "::1" || canonicalHost("db.example") != "db.example" {
		t.Error("hosts are not spelled alike")
	}
}

func BenchmarkMay(b *testing.B) {
	var acls []metadata.ACL
	for i := range 10_000 {
		acls = append(acls, metadata.ACL{
			ResourceType: int8(ResourceTopic), PatternType: int8(PatternLiteral + PatternType(i%2)), ResourceName: fmt.Sprint("topic-", i),
			Principal: fmt.Sprint("User:u", i%100), Host: Wildcard, Operation: int8(OpRead), Permission: int8(Allow),
		})
	}
	img := imageOf(b, acls...)
	a := NewAuthorizer(Policy{SuperUsers: []Principal{Anonymous}}, func() *metadata.Image { return img })
	user := Caller{Principal: Principal{Type: TypeUser, Name: "u4"}, Host: "10.0.0.1"}
	for name, c := range map[string]Caller{"super": {Principal: Anonymous}, "user": user} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !a.May(c, OpRead, ResourceTopic, "topic-204") {
					b.Fatal("may not")
				}
			}
		})
	}
}
