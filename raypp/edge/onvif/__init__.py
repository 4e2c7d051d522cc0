"""Cameras on the network: looked for by WS-Discovery, and described by ONVIF."""
