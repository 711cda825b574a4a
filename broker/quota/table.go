package quota

import (
	"github.com/freshetdb/freshet/broker/metadata"
)

// The keys of quotas, as Kafka's tools write them.
const (
	ProducerByteRate       = "producer_byte_rate"
	ConsumerByteRate       = "consumer_byte_rate"
	RequestPercentage      = "request_percentage"
	ControllerMutationRate = "controller_mutation_rate"
	ConnectionCreationRate = "connection_creation_rate"
)

// resource is what a quota bounds, an index for the keys above.
type resource int

const (
	produced resource = iota
	fetched
	worked
	mutated
	connected
	resources
)

var keys = [resources]string{ProducerByteRate, ConsumerByteRate, RequestPercentage, ControllerMutationRate, ConnectionCreationRate}

// subject is whom one measure is kept for; parts that don't count are "".
type subject struct{ user, client string }

// table is all quotas of an image, by resource. A nil map means that the resource is bounded for nobody.
type table [resources]map[metadata.QuotaEntity]float64

func newTable(img *metadata.Image) *table {
	t := &table{}
	for entity, values := range img.Quotas() {
		for r, key := range keys {
			limit, ok := values[key]
			if !ok {
				continue
			}
			if t[r] == nil {
				t[r] = make(map[metadata.QuotaEntity]float64)
			}
			t[r][entity] = limit
		}
	}
	return t
}

func named(name string) metadata.QuotaName {
	return metadata.QuotaName{Kind: metadata.QuotaNamed, Name: name}
}

var (
	absent    = metadata.QuotaName{}
	byDefault = metadata.QuotaName{Kind: metadata.QuotaDefault}
)

// find gives the quota that counts for a user's client and whom its measure is kept for, in Kafka's order: the user's before the
// client's, names before defaults.
func (t *table) find(r resource, user, client string) (limit float64, who subject, ok bool) {
	quotas := t[r]
	if len(quotas) == 0 {
		return 0, subject{}, false
	}
	u, c := named(user), named(client)
	for _, try := range [...]struct {
		user, client metadata.QuotaName
		who          subject
	}{
		{u, c, subject{user, client}},
		{u, byDefault, subject{user, client}},
		{u, absent, subject{user, ""}},
		{byDefault, c, subject{user, client}},
		{byDefault, byDefault, subject{user, client}},
		{byDefault, absent, subject{user, ""}},
		{absent, c, subject{"", client}},
		{absent, byDefault, subject{"", client}},
	} {
		if limit, ok := quotas[metadata.QuotaEntity{User: try.user, ClientID: try.client}]; ok {
			return limit, try.who, true
		}
	}
	return 0, subject{}, false
}

// address gives the connection quota that counts for an IP address.
func (t *table) address(ip string) (limit float64, ok bool) {
	quotas := t[connected]
	if limit, ok = quotas[metadata.QuotaEntity{IP: named(ip)}]; ok {
		return limit, true
	}
	limit, ok = quotas[metadata.QuotaEntity{IP: byDefault}]
	return limit, ok
}
