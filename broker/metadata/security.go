package metadata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// ACL is one rule about who may do what, in Kafka's numbers (AclOperation, AclPermissionType, PatternType, ResourceType); broker/auth
// names them. It is comparable: two rules that say the same are equal.
type ACL struct {
	ResourceType int8
	PatternType  int8
	ResourceName string
	// Principal is "User:name" or "User:*".
	Principal string
	// Host is an IP address or "*".
	Host       string
	Operation  int8
	Permission int8
}

// ACLRecord adds a rule under a new id.
type ACLRecord struct {
	ID  UUID
	ACL ACL
}

// ACLRemovedRecord removes a rule.
type ACLRemovedRecord struct{ ID UUID }

// ScramMechanism is a SCRAM variant in Kafka's numbers (KIP-554).
type ScramMechanism int8

// The SCRAM variants.
const (
	ScramSHA256 ScramMechanism = 1
	ScramSHA512 ScramMechanism = 2
)

// ScramKey names a credential: a user has at most one of each mechanism.
type ScramKey struct {
	User      string
	Mechanism ScramMechanism
}

// ScramCredential is what a server keeps of a password (RFC 5802): enough to check it, not enough to use it. Its slices belong
// to the image and must not be changed.
type ScramCredential struct {
	Salt, StoredKey, ServerKey []byte
	Iterations                 int32
}

// ScramRecord sets a user's credential of one mechanism.
type ScramRecord struct {
	Key        ScramKey
	Credential ScramCredential
}

// ScramRemovedRecord forgets a credential.
type ScramRemovedRecord struct{ Key ScramKey }

// QuotaKind says whether a part of a QuotaEntity is there.
type QuotaKind int8

// The kinds of a part.
const (
	QuotaAbsent  QuotaKind = 0
	QuotaDefault QuotaKind = 1 // whoever has no quota of their own
	QuotaNamed   QuotaKind = 2
)

// QuotaName is one part of a QuotaEntity; Name is "" unless Kind is QuotaNamed. The zero QuotaName is an absent part.
type QuotaName struct {
	Kind QuotaKind
	Name string
}

// QuotaEntity is whom a quota is for (KIP-546): a user, a client id, both, or an address; comparable.
type QuotaEntity struct {
	User, ClientID, IP QuotaName
}

// QuotaRecord sets one quota of an entity ("producer_byte_rate" …), or removes it.
type QuotaRecord struct {
	Entity  QuotaEntity
	Key     string
	Value   float64
	Removed bool
}

func (ACLRecord) recordType() recordType          { return typeACL }
func (ACLRemovedRecord) recordType() recordType   { return typeACLRemoved }
func (ScramRecord) recordType() recordType        { return typeScram }
func (ScramRemovedRecord) recordType() recordType { return typeScramRemoved }
func (QuotaRecord) recordType() recordType        { return typeQuota }

func (ACLRecord) version() uint64          { return 0 }
func (ACLRemovedRecord) version() uint64   { return 0 }
func (ScramRecord) version() uint64        { return 0 }
func (ScramRemovedRecord) version() uint64 { return 0 }
func (QuotaRecord) version() uint64        { return 0 }

// ACLs walks all rules with their ids in no particular order.
func (img *Image) ACLs() iter.Seq2[UUID, ACL] { return img.acls.all() }

// ACLCount is the number of rules.
func (img *Image) ACLCount() int { return img.acls.length }

// ACLVersion is the version of the last change of rules: images with the same ACLVersion of one history have the same rules.
func (img *Image) ACLVersion() uint64 { return img.aclVersion }

// Scram finds a user's credential of one mechanism.
func (img *Image) Scram(key ScramKey) (ScramCredential, bool) {
	c, ok := img.scrams[key]
	return c, ok
}

// Scrams walks all credentials in no particular order.
func (img *Image) Scrams() iter.Seq2[ScramKey, ScramCredential] { return maps.All(img.scrams) }

// ScramCount is the number of credentials.
func (img *Image) ScramCount() int { return len(img.scrams) }

// Quotas walks all entities that have quotas, with values by key, in no particular order; the maps are not to be changed.
func (img *Image) Quotas() iter.Seq2[QuotaEntity, map[string]float64] { return maps.All(img.quotas) }

// Quota are the quotas set for exactly this entity; not to be changed. nil when there are none.
func (img *Image) Quota(e QuotaEntity) map[string]float64 { return img.quotas[e] }

func (r ACLRecord) apply(b *builder) error {
	if _, taken := b.acls.get(shardOfID(r.ID), r.ID); taken {
		return fmt.Errorf("ACL id %s is in use", r.ID)
	}
	b.acls.set(shardOfID(r.ID), r.ID, r.ACL)
	b.delta.ACLs = true
	return nil
}

func (r ACLRemovedRecord) apply(b *builder) error {
	if _, known := b.acls.get(shardOfID(r.ID), r.ID); !known {
		return fmt.Errorf("ACL %s does not exist", r.ID)
	}
	b.acls.delete(shardOfID(r.ID), r.ID)
	b.delta.ACLs = true
	return nil
}

func (r ScramRecord) apply(b *builder) error {
	scrams := maps.Clone(b.img.scrams)
	if scrams == nil {
		scrams = make(map[ScramKey]ScramCredential)
	}
	scrams[r.Key] = r.Credential
	b.img.scrams = scrams
	return nil
}

func (r ScramRemovedRecord) apply(b *builder) error {
	if _, known := b.img.scrams[r.Key]; !known {
		return fmt.Errorf("user %q has no such credential", r.Key.User)
	}
	b.img.scrams = maps.Clone(b.img.scrams)
	delete(b.img.scrams, r.Key)
	return nil
}

func (r QuotaRecord) apply(b *builder) error {
	quotas := maps.Clone(b.img.quotas)
	if quotas == nil {
		quotas = make(map[QuotaEntity]map[string]float64)
	}
	values := maps.Clone(quotas[r.Entity])
	if values == nil {
		values = make(map[string]float64)
	}
	if r.Removed {
		delete(values, r.Key)
	} else {
		values[r.Key] = r.Value
	}
	if quotas[r.Entity] = values; len(values) == 0 {
		delete(quotas, r.Entity)
	}
	b.img.quotas, b.delta.Quotas = quotas, true
	return nil
}

// securityRecords lists the image's rules, credentials and quotas, each kind sorted.
func (img *Image) securityRecords(out []Record) []Record {
	first := len(out)
	for id, acl := range img.ACLs() {
		out = append(out, ACLRecord{ID: id, ACL: acl})
	}
	slices.SortFunc(out[first:], func(a, b Record) int {
		left, right := a.(ACLRecord).ID, b.(ACLRecord).ID
		return bytes.Compare(left[:], right[:])
	})
	for _, key := range slices.SortedFunc(maps.Keys(img.scrams), compareScramKeys) {
		out = append(out, ScramRecord{Key: key, Credential: img.scrams[key]})
	}
	for _, e := range slices.SortedFunc(maps.Keys(img.quotas), compareQuotaEntities) {
		for _, key := range slices.Sorted(maps.Keys(img.quotas[e])) {
			out = append(out, QuotaRecord{Entity: e, Key: key, Value: img.quotas[e][key]})
		}
	}
	return out
}

func compareScramKeys(a, b ScramKey) int {
	if c := strings.Compare(a.User, b.User); c != 0 {
		return c
	}
	return int(a.Mechanism) - int(b.Mechanism)
}

func compareQuotaEntities(a, b QuotaEntity) int {
	for _, pair := range [][2]QuotaName{{a.User, b.User}, {a.ClientID, b.ClientID}, {a.IP, b.IP}} {
		if c := int(pair[0].Kind) - int(pair[1].Kind); c != 0 {
			return c
		}
		if c := strings.Compare(pair[0].Name, pair[1].Name); c != 0 {
			return c
		}
	}
	return 0
}

func (r ACLRecord) appendBody(dst []byte) []byte {
	a := r.ACL
	dst = append(dst, r.ID[:]...)
	dst = binary.AppendVarint(dst, int64(a.ResourceType))
	dst = binary.AppendVarint(dst, int64(a.PatternType))
	dst = appendString(appendString(appendString(dst, a.ResourceName), a.Principal), a.Host)
	dst = binary.AppendVarint(dst, int64(a.Operation))
	return binary.AppendVarint(dst, int64(a.Permission))
}

func decodeACL(in *reader) ACLRecord {
	return ACLRecord{ID: in.uuid(), ACL: ACL{
		ResourceType: in.int8(), PatternType: in.int8(), ResourceName: in.string(), Principal: in.string(), Host: in.string(),
		Operation: in.int8(), Permission: in.int8(),
	}}
}

func (r ACLRemovedRecord) appendBody(dst []byte) []byte { return append(dst, r.ID[:]...) }

func appendScramKey(dst []byte, k ScramKey) []byte {
	return binary.AppendVarint(appendString(dst, k.User), int64(k.Mechanism))
}

func decodeScramKey(in *reader) ScramKey {
	return ScramKey{User: in.string(), Mechanism: ScramMechanism(in.int8())}
}

func (r ScramRecord) appendBody(dst []byte) []byte {
	dst = appendScramKey(dst, r.Key)
	for _, part := range [][]byte{r.Credential.Salt, r.Credential.StoredKey, r.Credential.ServerKey} {
		dst = append(binary.AppendUvarint(dst, uint64(len(part))), part...)
	}
	return binary.AppendVarint(dst, int64(r.Credential.Iterations))
}

func decodeScram(in *reader) ScramRecord {
	return ScramRecord{Key: decodeScramKey(in), Credential: ScramCredential{
		Salt: in.ownBytes(), StoredKey: in.ownBytes(), ServerKey: in.ownBytes(), Iterations: in.int32(),
	}}
}

func (r ScramRemovedRecord) appendBody(dst []byte) []byte { return appendScramKey(dst, r.Key) }

func (r QuotaRecord) appendBody(dst []byte) []byte {
	for _, n := range [...]QuotaName{r.Entity.User, r.Entity.ClientID, r.Entity.IP} {
		if dst = binary.AppendUvarint(dst, uint64(n.Kind)); n.Kind == QuotaNamed {
			dst = appendString(dst, n.Name)
		}
	}
	dst = appendString(dst, r.Key)
	return appendBool(appendFloat(dst, r.Value), r.Removed)
}

func decodeQuota(in *reader) QuotaRecord {
	e := QuotaEntity{User: decodeQuotaName(in), ClientID: decodeQuotaName(in), IP: decodeQuotaName(in)}
	return QuotaRecord{Entity: e, Key: in.string(), Value: in.float(), Removed: in.bool()}
}

func decodeQuotaName(in *reader) QuotaName {
	kind := in.uvarint()
	switch QuotaKind(min(kind, uint64(QuotaNamed)+1)) {
	case QuotaAbsent, QuotaDefault:
		return QuotaName{Kind: QuotaKind(kind)}
	case QuotaNamed:
		return QuotaName{Kind: QuotaNamed, Name: in.string()}
	}
	in.bad = true
	return QuotaName{}
}
