package handler

import "github.com/freshetdb/freshet/broker/wire"

// API keys of authentication, credentials and ACLs.
const (
	keySASLHandshake     = 17
	keyDescribeACLs      = 29
	keyCreateACLs        = 30
	keyDeleteACLs        = 31
	keySASLAuthenticate  = 36
	keyDescribeUserScram = 50
	keyAlterUserScram    = 51
)

// securityAPIs are the rows of the version table about who may do what: authentication, credentials and ACLs.
func (h *Handler) securityAPIs() []wire.API {
	return []wire.API{
		{Key: keySASLHandshake, Min: 0, Max: 1, Serve: h.saslHandshake},
		{Key: keyDescribeACLs, Min: 1, Max: 3, AdvertisedMin: 1, Serve: h.describeACLs},
		{Key: keyCreateACLs, Min: 1, Max: 3, AdvertisedMin: 1, Serve: h.createACLs},
		{Key: keyDeleteACLs, Min: 1, Max: 3, AdvertisedMin: 1, Serve: h.deleteACLs},
		{Key: keySASLAuthenticate, Min: 0, Max: 2, Serve: h.saslAuthenticate},
		{Key: keyDescribeUserScram, Min: 0, Max: 0, Serve: h.describeUserScram},
		{Key: keyAlterUserScram, Min: 0, Max: 0, Serve: h.alterUserScram},
	}
}
