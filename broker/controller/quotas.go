package controller

import (
	"math"
	"net/netip"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/metadata"
)

// quotaKey is what one key of quotas may be.
type quotaKey struct {
	name string
	// address quotas belong to an IP address, all others to users and client ids.
	address bool
	// most is the largest value; whole ones have no fraction.
	most  float64
	whole bool
}

var quotaKeys = []quotaKey{
	{name: "producer_byte_rate", most: math.MaxInt64, whole: true},
	{name: "consumer_byte_rate", most: math.MaxInt64, whole: true},
	{name: "request_percentage", most: math.MaxFloat64},
	{name: "controller_mutation_rate", most: math.MaxFloat64},
	{name: "connection_creation_rate", address: true, most: math.MaxInt32, whole: true},
}

// QuotaChange sets one quota of an entity, or removes it.
type QuotaChange struct {
	Key    string
	Value  float64
	Remove bool
}

// QuotaPart is a part of an entity as a client writes it; a nil Name is the default.
type QuotaPart struct {
	Type string
	Name *string
}

// The types of parts.
const (
	quotaUser     = "user"
	quotaClientID = "client-id"
	quotaIP       = "ip"
)

// quotaEntitiesMax bounds the entities with quotas, which are in every node's memory.
const quotaEntitiesMax = 100_000

// QuotaEntity reads an entity. Of a type named twice the last counts, as in Kafka.
func QuotaEntity(parts []QuotaPart) (metadata.QuotaEntity, *Error) {
	var e metadata.QuotaEntity
	for _, p := range parts {
		name := metadata.QuotaName{Kind: metadata.QuotaDefault}
		if p.Name != nil {
			name = metadata.QuotaName{Kind: metadata.QuotaNamed, Name: *p.Name}
		}
		switch p.Type {
		case quotaUser:
			e.User = name
		case quotaClientID:
			e.ClientID = name
		case quotaIP:
			e.IP = name
		default:
			return e, refuse(kerr.InvalidRequest, "unhandled client quota entity type: %s", p.Type)
		}
		if name.Kind == metadata.QuotaNamed && (name.Name == "" || len(name.Name) > resourceNameMax) {
			return e, refuse(kerr.InvalidRequest, "name of a %s has between 1 and %d characters", p.Type, resourceNameMax)
		}
	}
	switch {
	case e == metadata.QuotaEntity{}:
		return e, refuse(kerr.InvalidRequest, "invalid empty client quota entity")
	case e.IP.Kind != metadata.QuotaAbsent && (e.User.Kind != metadata.QuotaAbsent || e.ClientID.Kind != metadata.QuotaAbsent):
		return e, refuse(kerr.InvalidRequest, "an ip can't be combined with a user or client-id")
	case e.IP.Kind == metadata.QuotaNamed:
		ip, err := netip.ParseAddr(e.IP.Name)
		if err != nil {
			return e, refuse(kerr.InvalidRequest, "%s is not a valid IP address", e.IP.Name)
		}
		e.IP.Name = ip.Unmap().String()
	}
	return e, nil
}

// AlterQuotas decides on the changes of one entity: all or none.
func (c *Controller) AlterQuotas(img *metadata.Image, e metadata.QuotaEntity, changes []QuotaChange) ([]metadata.Record, *Error) {
	var records []metadata.Record
	seen := make(map[string]bool, len(changes))
	now := img.Quota(e)
	for _, change := range changes {
		if seen[change.Key] {
			return nil, refuse(kerr.InvalidRequest, "quota %s is changed twice", change.Key)
		}
		seen[change.Key] = true
		if change.Remove {
			if _, set := now[change.Key]; set {
				records = append(records, metadata.QuotaRecord{Entity: e, Key: change.Key, Removed: true})
			}
			continue
		}
		if err := checkQuota(e, change); err != nil {
			return nil, err
		}
		records = append(records, metadata.QuotaRecord{Entity: e, Key: change.Key, Value: change.Value})
	}
	if now == nil && len(records) > 0 && img.QuotaCount() >= quotaEntitiesMax {
		return nil, refuse(kerr.PolicyViolation, "%d entities have quotas, no more are allowed", quotaEntitiesMax)
	}
	return records, nil
}

func checkQuota(e metadata.QuotaEntity, change QuotaChange) *Error {
	at := slices.IndexFunc(quotaKeys, func(k quotaKey) bool { return k.name == change.Key })
	switch {
	case at < 0 || quotaKeys[at].address != (e.IP.Kind != metadata.QuotaAbsent):
		return refuse(kerr.InvalidRequest, "invalid configuration key %s", change.Key)
	case !(change.Value > 0): // not a number, too
		return refuse(kerr.InvalidRequest, "quota %s must be greater than 0", change.Key)
	case change.Value > quotaKeys[at].most || math.IsInf(change.Value, 0):
		return refuse(kerr.InvalidRequest, "proposed value for %s is too large", change.Key)
	case quotaKeys[at].whole && change.Value != math.Trunc(change.Value):
		return refuse(kerr.InvalidRequest, "%s cannot be a fractional value", change.Key)
	}
	return nil
}
